"""Arithmetic of a source's variables, such as ``(tmin + tmax) / 2``: parsed, never evaluated as code."""

from __future__ import annotations

import ast
import operator
from collections.abc import Mapping

_BINARY = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
_UNARY = {ast.USub: operator.neg, ast.UAdd: operator.pos}
_ALLOWED = "names of the variables, numbers, + - * / and parentheses"
# More makes no sense for two or three variables, and deep nesting would end Python's stack.
_MOST_CHARACTERS = 300


def check_expression(text: str, names) -> None:
    """Raise ValueError unless `text` is arithmetic of `names`.

    Examples
    --------
    >>> check_expression("tmin + open('x')", ["tmin"])
    Traceback (most recent call last):
    ValueError: "open('x')" in an expression: only names of the variables, numbers, + - * / and parentheses
    """
    for node in ast.walk(_parse(text)):
        if isinstance(node, ast.Name) and node.id not in names:
            raise ValueError(f"the name '{node.id}' in an expression: known are {', '.join(names)}")
        if isinstance(node, ast.BinOp) and not any(isinstance(each, ast.Name) for each in ast.walk(node)):
            try:
                _value(node, {})
            except ArithmeticError as error:  # 1 / 0: Python's own numbers do not become infinite
                raise ValueError(f'"{ast.unparse(node)}" in an expression: {error}') from error


def evaluate(text: str, values: Mapping):
    """The expression's value.

    Parameters
    ----------
    text : str
    values : mapping of str -> ndarray

    Returns
    -------
    ndarray
        NaN where a variable that is used is NaN.

    Raises
    ------
    ValueError
        If `text` holds anything but names in `values`, numbers, + - * / and parentheses.

    Examples
    --------
    >>> evaluate("(tmin + tmax) / 2", {"tmin": 4.0, "tmax": 10.0})
    7.0
    """
    check_expression(text, list(values))
    return _value(_parse(text), values)


def _parse(text: str) -> ast.expr:
    if len(text) > _MOST_CHARACTERS:
        raise ValueError(f"an expression of {len(text)} characters: at most {_MOST_CHARACTERS}")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        raise ValueError(f"{text!r} is no expression: only {_ALLOWED}") from error
    _refuse_others(tree)
    return tree


def _refuse_others(node: ast.expr) -> None:
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        _refuse_others(node.left)
        _refuse_others(node.right)
    elif isinstance(node, ast.UnaryOp) and type(node.op) in _UNARY:
        _refuse_others(node.operand)
    elif not (
        isinstance(node, ast.Name) or (isinstance(node, ast.Constant) and type(node.value) in (int, float))
    ):
        raise ValueError(f'"{ast.unparse(node)}" in an expression: only {_ALLOWED}')


def _value(node: ast.expr, values: Mapping):
    if isinstance(node, ast.BinOp):
        return _BINARY[type(node.op)](_value(node.left, values), _value(node.right, values))
    if isinstance(node, ast.UnaryOp):
        return _UNARY[type(node.op)](_value(node.operand, values))
    return values[node.id] if isinstance(node, ast.Name) else node.value
