"""The copies of a head that learns: one that follows slowly, to learn against, and one to play by."""

import copy
from collections.abc import Mapping

import torch
from torch.optim.swa_utils import AveragedModel

from textmaze.learn.checkpoint import part
from textmaze.learn.qhead import QHead


class Copies:
    """Copies of a head, which `follow` it after each update.

    One update's weights are better in some games and worse in others than the last one's. Their mean (Polyak and
    Juditsky 1992) is more even, and is played by where there is `averaging`.
    """

    def __init__(self, head: QHead, tau: float, averaging: float) -> None:
        self.head = head
        self.tau = tau
        self.averaging = averaging
        self.slow = copy.deepcopy(head)
        self.mean = AveragedModel(head, avg_fn=self._averaged) if averaging else None

    @property
    def played(self) -> QHead:
        """The head to play by: the mean of the last weights, or the head itself."""
        head = self.mean.module if self.mean else self.head
        assert isinstance(head, QHead)
        return head

    @torch.no_grad()
    def follow(self) -> None:
        """Take a share of the new weights."""
        for slow, fast in zip(self.slow.parameters(), self.head.parameters(), strict=True):
            slow.lerp_(fast, self.tau)
        if self.mean:
            self.mean.update_parameters(self.head)

    def catch_up(self) -> None:
        """Become what the head is now, where it did not become so by updates."""
        self.slow.load_state_dict(self.head.state_dict())
        if self.mean:
            self.mean.module.load_state_dict(self.head.state_dict())
            self.mean.n_averaged.zero_()

    def state(self) -> dict[str, torch.Tensor]:
        """All of their weights; `restore` takes them back."""
        found = {f"slow.{name}": tensor for name, tensor in self.slow.state_dict().items()}
        mean = self.mean.state_dict() if self.mean else {}
        return found | {f"mean.{name}": tensor for name, tensor in mean.items()}

    def restore(self, tensors: Mapping[str, torch.Tensor]) -> None:
        self.slow.load_state_dict(part(tensors, "slow."))
        if self.mean:
            self.mean.load_state_dict(part(tensors, "mean."))

    def _averaged(self, mean: torch.Tensor, new: torch.Tensor, count: torch.Tensor | int) -> torch.Tensor:
        """The mean of the last weights; `count` have gone into it before these."""
        return mean.lerp(new, max(self.averaging, 1 / (int(count) + 1)))
