"""What the labs, the book and the teacher of *Neurons to Neural ODEs* share.

`topics` names the topics; `checks` is what a lab's test cells call; `data` and `training` serve the references;
`grading` runs and marks submissions; `demos` move in pages and notebooks; `cli` is the command `course`.
"""

__version__ = "0.1.0"
