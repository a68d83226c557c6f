"""Running text as one long row of character codes."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Text:
    """Characters as numbers: `codes` (T,), int64, are indices of `alphabet`."""

    codes: Tensor
    alphabet: str

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """The codes, as a data set of tensors would give them."""
        return (self.codes,)

    def encode(self, text: str) -> Tensor:
        """Codes (L,) of `text`; raises ValueError for a character outside the alphabet."""
        return encode(text, self.alphabet)

    def decode(self, codes: Tensor) -> str:
        """The text of codes (L,)."""
        return "".join(self.alphabet[int(code)] for code in codes)


def encode(text: str, alphabet: str) -> Tensor:
    """Codes (L,) of `text`, int64; raises ValueError for a character outside the alphabet."""
    place = {character: i for i, character in enumerate(alphabet)}
    unknown = sorted(set(text) - set(alphabet))
    if unknown:
        raise ValueError(f"encode: expected characters of the alphabet, got {''.join(unknown)!r}.")
    return torch.tensor([place[character] for character in text])
