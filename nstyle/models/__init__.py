"""The models: conditional instance norm, the transformer network and its kernels, and model files."""
