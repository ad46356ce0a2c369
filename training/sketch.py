"""Sketch: a seeded random projection that keeps inner products, in one pass over a gradient."""

import torch
from torch import Tensor


class Sketch:
    """Feature hashing (arXiv 0902.2206): every weight is added, with a random sign, to one random feature.

    Inner products are kept without bias, with a standard error of about |x| |y| / sqrt(features), as by a dense matrix
    of signs, which would take `features` times the work.
    """

    def __init__(self, weights: int, features: int, seed: int, device: torch.device) -> None:
        self.features = min(weights, features)
        self._place = self._sign = None
        if weights > features:
            drawn = torch.Generator().manual_seed(seed)
            self._place = torch.randint(features, (weights,), generator=drawn).to(device)
            self._sign = torch.randint(2, (weights,), generator=drawn).mul_(2).sub_(1).float().to(device)

    def __call__(self, gradient: Tensor) -> Tensor:
        """[features] of a gradient [weights]; the gradient itself where it is no longer than that."""
        if self._place is None or self._sign is None:
            return gradient
        return gradient.new_zeros(self.features).index_add_(0, self._place, gradient * self._sign)
