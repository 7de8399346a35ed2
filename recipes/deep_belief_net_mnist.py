"""A deep belief net on MNIST: three logistic layers of 1,000 units, pretrained as restricted Boltzmann machines.

    cnnzoo train deep_belief_net_mnist

It was not run yet. The Deep Learning Tutorials of the LISA lab have a test error of 1.34 % for this net, after 615 and
101 minutes on four cores; its time on two cores is not known. The net of Hinton and Salakhutdinov 2006,
784-500-500-2000-10, has 1.2 % there:

    cnnzoo train deep_belief_net_mnist --set "model_options.units=(500,500,2000)"

Machines are trained by the program of 2006; see `rbm_autoencoder_mnist`. It deviates from both in its fine-tuning, by
Adam and with Gaussian noise of 0.3 on the images, as `stacked_denoising_mnist` has it.
"""

from cnnzoo import Recipe, cli

recipe = Recipe(
    model="stacked_autoencoder",
    data="mnist",
    epochs=30,
    batch_size=100,
    learning_rate=1e-3,
    optimizer="adam",
    augment="noise",
    precision="mixed_bfloat16",
    pretraining={"method": "rbm", "epochs": 15},
)

if __name__ == "__main__":
    cli.run_file(__file__)
