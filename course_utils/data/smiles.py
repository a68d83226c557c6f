"""A molecule's atoms and bonds from its SMILES, the line that chemists write (Weininger, 1988).

    CC(=O)O     C, then C to which =O is attached, then O: the acid of vinegar
    c1ccccc1    six atoms, small letters: aromatic; 1 and 1 close a ring: benzene

What is read is what QM9's molecules need: C, N, O, F, brackets with hydrogens and a charge, branches, rings 1 to 9.
All of QM9's 133,885 are read as RDKit 2026.9.1 reads them (hydrogens compared after, the rest before it decides anew
what is aromatic).
"""

import re

ELEMENTS = "CNOF"
SINGLE, DOUBLE, TRIPLE, AROMATIC = range(4)  # kinds of bonds
_VALENCE = (4, 3, 2, 1)  # of each element
_SPENT = (1, 2, 3, 1)  # of an atom's valence, by each kind of bond
_TOKEN = re.compile(r"\[([CNOFcno])(H\d?)?([+-]?)\]|([CNOFcno])|([-=#])|([()])|([1-9])")

Atom = list[int]  # element, hydrogens, charge + 1, whether it is aromatic
Bond = tuple[int, int, int]  # two atoms and the kind


def parse(smiles: str) -> tuple[list[Atom], list[Bond]]:
    """Atoms other than hydrogens, in the order in which they stand, and the bonds between them, each once.

    An atom: its place in `ELEMENTS`, the hydrogens at it, 0 to 2 for a charge of -1 to 1, and 1 if it is aromatic.

    Raises:
        ValueError: the text holds something else, or a ring or a branch does not fit.

    >>> parse("C=O")
    ([[0, 2, 1, 0], [2, 0, 1, 0]], [(0, 1, 1)])
    """
    read, place = _Read(), 0
    while place < len(smiles):
        found = _TOKEN.match(smiles, place)
        if found is None:
            raise ValueError(f"parse: {smiles!r} holds {smiles[place]!r} at {place}, which is not read here.")
        read.token(*found.groups())
        place = found.end()
    if read.broken or read.rings or read.branches:
        raise ValueError(
            f"parse: a ring or a branch of {smiles!r} is not closed, or has nothing to begin at."
        )
    return read.filled(), read.bonds


class _Read:
    """What has been read so far."""

    def __init__(self) -> None:
        self.atoms: list[Atom] = []
        self.bare: list[int] = []  # atoms without brackets: their hydrogens are not written
        self.bonds: list[Bond] = []
        self.branches: list[int] = []
        self.rings: dict[str, tuple[int, str]] = {}
        self.last = -1  # the atom to which the next one is bound
        self.bond = ""  # how, if that is written
        self.broken = False

    def token(
        self, inside: str, hydrogens: str, charge: str, bare: str, bond: str, branch: str, ring: str
    ) -> None:
        """One part of the text; all but one kind are None."""
        if bond:
            self.bond = bond
            return
        if inside or bare:
            self._atom(inside or bare, hydrogens, charge)
            self.bare += [self.last] if bare else []
        elif self.last < 0:
            self.broken = True
        elif ring:
            self._ring(ring)
        elif branch == "(":
            self.branches.append(self.last)
        elif self.branches:
            self.last = self.branches.pop()
        else:
            self.broken = True
        self.bond = ""

    def _atom(self, letter: str, hydrogens: str | None, charge: str | None) -> None:
        count = int(hydrogens[1:] or 1) if hydrogens else 0
        sign = {"+": 2, "-": 0}.get(charge or "", 1)
        self.atoms.append([ELEMENTS.index(letter.upper()), count, sign, int(letter.islower())])
        if self.last >= 0:
            self._bind(self.last, len(self.atoms) - 1, self.bond)
        self.last = len(self.atoms) - 1

    def _ring(self, digit: str) -> None:
        if digit in self.rings:
            other, bond = self.rings.pop(digit)
            self._bind(other, self.last, bond or self.bond)
        else:
            self.rings[digit] = self.last, self.bond

    def _bind(self, one: int, other: int, bond: str) -> None:
        unsaid = AROMATIC if self.atoms[one][3] and self.atoms[other][3] else SINGLE
        self.bonds.append((one, other, "-=#".index(bond) if bond else unsaid))

    def filled(self) -> list[Atom]:
        """The atoms, those without brackets with as many hydrogens as their valence leaves."""
        spent = [atom[3] for atom in self.atoms]  # an aromatic atom gives one to its ring
        for one, other, kind in self.bonds:
            spent[one] += _SPENT[kind]
            spent[other] += _SPENT[kind]
        for number in self.bare:
            atom = self.atoms[number]
            atom[1] = max(0, _VALENCE[atom[0]] - spent[number])
        return self.atoms
