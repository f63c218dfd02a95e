"""The networks: pure torch, readable without the trainer.

`resnet` is the student that is deployed, `sarsn` the teacher, `deployed` what is exported.
Every network takes float `N x 1 x H x W` and returns `(logits N x C, embedding N x D)`.
"""
