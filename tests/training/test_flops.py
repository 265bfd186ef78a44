from bench.training.flops import flops_per_example, parameter_count


def test_the_notebooks_network_has_its_published_parameter_count():
    assert parameter_count((784, 128, 64, 10)) == 109_386


def test_one_hidden_layer_costs_what_counting_by_hand_gives():
    forward = 2 * (784 * 128 + 128 * 10)
    weight_gradients = forward
    input_gradients = 2 * 128 * 10
    assert flops_per_example((784, 128, 10)) == forward + weight_gradients + input_gradients
