"""What it is: conditional norm, transformer network, frozen VGG features, model files."""
