"""Write an ONNX graph one operation at a time."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import GraphProto, ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

OPSET, IR_VERSION = 17, 8
"""The versions of operators and of the file format: those of ONNX 1.12 of 2022, which current runtimes all read."""
FLOAT, INTEGER = TensorProto.FLOAT, TensorProto.INT64


class Graph:
    """A graph under construction. Values are known by their names."""

    def __init__(self) -> None:
        self._nodes: list[NodeProto] = []
        self._constants: list[TensorProto] = []
        self._inputs: list[ValueInfoProto] = []

    def input(self, name: str, shape: Sequence[int | str], default: float | None = None) -> str:
        """Declare an input of float32, whose named sides are free. One with a default may be left out by callers."""
        self._inputs.append(helper.make_tensor_value_info(name, FLOAT, shape))
        if default is not None:
            self._constants.append(numpy_helper.from_array(np.array(default, np.float32), name))
        return name

    def constant(self, values: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> str:
        """Add constant values; whole numbers are int64, as sizes and indices are, unless ``dtype`` says otherwise."""
        name = f"constant{len(self._constants)}"
        self._constants.append(numpy_helper.from_array(np.array(values, dtype, order="C"), name))
        return name

    def op(self, kind: str, *inputs: str, output: str = "", **attributes: Any) -> str:
        """Add an operation with one output, and return the name of the output."""
        output = output or f"{kind}{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, inputs, [output], name=output, **attributes))
        return output

    def to_model(self, output: str, shape: Sequence[int | str], metadata: dict[str, str]) -> ModelProto:
        """Return the model whose result is ``output``."""
        results = [helper.make_tensor_value_info(output, FLOAT, shape)]
        graph: GraphProto = helper.make_graph(self._nodes, "nstyle", self._inputs, results, self._constants)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION)
        model.producer_name = "nstyle"
        helper.set_model_props(model, metadata)
        return model
