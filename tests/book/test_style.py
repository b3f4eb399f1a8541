import matplotlib.pyplot as plt
import numpy as np
import pytest

from dlnlab import plot_curves, plot_training, use_style


def test_style_is_the_house_style():
    with plt.rc_context():
        use_style()
        assert plt.rcParams["svg.hashsalt"] == "dlnlab"
        assert plt.rcParams["figure.figsize"] == [6.0, 3.4]


def test_curves_are_labelled_and_drawn():
    figure, axes = plt.subplots()
    plot_curves(axes, [0, 1, 2], {"a": [1, 2, 3], "b": [3, 2, 1]}, xlabel="time", ylabel="loss")
    assert [line.get_label() for line in axes.lines] == ["a", "b"]
    np.testing.assert_array_equal(axes.lines[1].get_ydata(), [3, 2, 1])
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("time", "loss")
    plt.close(figure)


def test_training_is_two_panels_over_one_time():
    figure = plot_training([0, 1], [1.0, 0.1], {"layer 1": [1, 2]}, ylabel="norm")
    top, bottom = figure.axes
    assert (top.get_yscale(), bottom.get_yscale()) == ("log", "linear")
    np.testing.assert_array_equal(top.lines[0].get_ydata(), [1.0, 0.1])
    assert bottom.get_ylim()[1] > 2
    assert (bottom.get_xlabel(), bottom.get_ylabel()) == ("time $t$", "norm")
    plt.close(figure)


def test_bad_input_is_named():
    figure, axes = plt.subplots()
    with pytest.raises(ValueError, match="curves must map labels to the values of at least one curve"):
        plot_curves(axes, [0, 1], {}, xlabel="", ylabel="")
    plt.close(figure)
