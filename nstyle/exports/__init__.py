"""The network in a form that other programs run: an ONNX graph, its check, and exports kept for painting."""
