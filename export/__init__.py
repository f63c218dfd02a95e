"""From a trained student to a verified bundle: ONNX, int8, parity."""
