"""Modules of PyTorch that a check hands over: called with the parameters that the student's code gave them."""

import copy
from typing import Any

import torch
from torch import Tensor, nn

from course_utils.grading.wire.values import WireError


def functional(module: nn.Module, parameters: dict[str, Tensor], *given: Any, **named: Any) -> Any:
    """What the module answers with other parameters (`torch.func.functional_call`)."""
    return torch.func.functional_call(module, parameters, given, named)


def loaded(module: Any, parameters: Any) -> nn.Module:
    """The module that the check passed in, with the parameters that the student's code gave it: they are its own now,
    so that gradients flow to them.
    """
    trained = copy.deepcopy(module)
    own = dict(trained.named_parameters())
    if not isinstance(parameters, dict) or parameters.keys() != own.keys():
        raise WireError("a module with other parameters")
    given = {id(own[name]): _like(tensor, own[name]) for name, tensor in parameters.items()}
    for part in trained.modules():
        for name, parameter in part._parameters.items():
            if parameter is not None:
                part._parameters[name] = given[id(parameter)]
    return trained


def _like(tensor: Any, parameter: nn.Parameter) -> nn.Parameter:
    if not isinstance(tensor, Tensor) or (tensor.shape, tensor.dtype) != (parameter.shape, parameter.dtype):
        raise WireError("a module with a parameter of another shape")
    return tensor if isinstance(tensor, nn.Parameter) else nn.Parameter(tensor.detach())
