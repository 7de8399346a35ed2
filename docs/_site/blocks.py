"""What is typed, and what it prints: both are blocks of code in the documents, and look different on the site.

A console block gets a prompt before each command, which is neither selected nor copied. A text block below a block
that is run, in the same section, is its output.
"""

from typing import Any

from docutils import nodes
from sphinx import addnodes

TYPED = ("console", "python", "bash")
# What stands before two hyphens of Sphinx's, between a parameter and its meaning: its name, its type, or a bracket.
DEFINED = (nodes.strong, nodes.reference, nodes.Text, addnodes.pending_xref, addnodes.literal_strong)


def mark(app: Any, doctree: nodes.document) -> None:
    """Mark the blocks of a document, and write its lists of parameters with dashes."""
    for section in [doctree, *doctree.findall(nodes.section)]:
        below = False
        for block, said in _own(section):
            language = block.get("language", "")
            if language == "console":
                block[:] = [nodes.Text(with_prompts(block.astext()))]
                block.rawsource = block.astext()  # Sphinx colors only what agrees with it
            elif language == "text" and below and not said.startswith("not run"):
                block["classes"].append("output")
            below |= language in TYPED
    for text in [*doctree.findall(nodes.Text)]:
        position = text.parent.index(text) if text.startswith(" -- ") else 0
        if position and isinstance(text.parent[position - 1], DEFINED):
            text.parent.replace(text, nodes.Text(text.replace(" -- ", " – ", 1)))


def with_prompts(commands: str) -> str:
    r"""Return commands with a prompt before each.

    Example:
    >>> print(with_prompts("cnnzoo list\ncnnzoo train lenet5_mnist \\\n  --seed 1\n# that takes a minute"))
    $ cnnzoo list
    $ cnnzoo train lenet5_mnist \
      --seed 1
    # that takes a minute
    """
    lines, continued = [], False
    for line in commands.splitlines():
        lines.append(line if continued or not line.strip() or line.startswith("#") else f"$ {line}")
        continued = line.endswith("\\")
    return "\n".join(lines)


def _own(section: nodes.Element) -> list[tuple[nodes.literal_block, str]]:
    """Return a section's blocks of code, without those of the sections in it, and the comment above each."""
    blocks, said = [], ""
    for child in section.children:
        if isinstance(child, nodes.literal_block):
            blocks.append((child, said))
        elif isinstance(child, nodes.Element) and not isinstance(child, nodes.section | nodes.comment):
            blocks += _own(child)
        said = child.astext().strip() if isinstance(child, nodes.comment) else ""
    return blocks


def setup(app: Any) -> None:
    """Come after the document is read."""
    app.connect("doctree-read", mark)
