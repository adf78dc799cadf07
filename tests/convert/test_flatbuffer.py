"""The file's own description is read right, and what is no model is refused."""

import dataclasses

import pytest

from convert.flatbuffer import (
    Network,
    Operator,
    Tensor,
    count_multiply_adds,
    count_parameters,
    parse_network,
    real_operators,
    unknown_operators,
)
from edge.errors import BundleError


def tensor(*shape, dtype="INT8", scales=(1.0,), is_constant=False):
    return Tensor("t", shape, dtype, scales, (0,) * len(scales), is_constant)


def test_a_network_is_read_with_its_input_output_and_operators(model):
    network = parse_network(model)
    assert network.inputs[0].shape == (1, 28, 28, 1)
    assert network.outputs[0].shape == (1, 4)
    names = [operator.name for operator in network.operators]
    assert names.count("CONV_2D") == 2
    assert names[-1] == "FULLY_CONNECTED"


def test_parameters_are_those_of_keras_with_batch_norm_folded(model):
    convolutions = (5 * 5 * 1 * 8 + 8) + (3 * 3 * 8 * 12 + 12)
    assert count_parameters(parse_network(model)) == convolutions + 7 * 7 * 12 * 4 + 4


def test_multiply_adds_are_counted_an_output_at_a_time(model):
    convolutions = 14 * 14 * 8 * (5 * 5 * 1) + 7 * 7 * 12 * (3 * 3 * 8)
    assert count_multiply_adds(parse_network(model)) == convolutions + 7 * 7 * 12 * 4


def test_a_depthwise_convolution_multiplies_each_channel_by_itself():
    operator = Operator("DEPTHWISE_CONV_2D", 3, (tensor(1, 8, 8, 6), tensor(1, 3, 3, 6)), (tensor(1, 8, 8, 6),))
    assert count_multiply_adds(Network((operator,), (), (), ())) == 8 * 8 * 6 * 9


def test_weights_are_quantized_an_axis_at_a_time(model):
    weights = [operator.inputs[1] for operator in parse_network(model).operators if operator.name == "CONV_2D"]
    assert [len(tensor.scales) for tensor in weights] == [8, 12]


def test_unknown_operators_are_named_once_with_their_version(model):
    new = Operator("CONV_2D", 8, (), ())
    network = dataclasses.replace(parse_network(model), operators=(new, Operator("CONV_2D", 7, (), ()), new))
    assert unknown_operators(network) == ["CONV_2D 8"]


def test_operators_on_floats_are_named():
    real = tensor(1, dtype="FLOAT32", scales=())
    network = Network((Operator("DEQUANTIZE", 2, (tensor(1),), (real,)),), (real,), (), ())
    assert real_operators(network) == ["DEQUANTIZE"]


@pytest.mark.parametrize("keep", [0, 4, 8, 20, 100, 1000])
def test_what_is_cut_short_is_refused(model, keep):
    with pytest.raises(BundleError, match="TFLite model"):
        parse_network(model[:keep])


def test_another_file_is_refused():
    with pytest.raises(BundleError, match="not a TFLite model"):
        parse_network(b"\x89PNG\r\n\x1a\n" + bytes(64))
