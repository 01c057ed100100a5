"""Identity at inference; kept so that a network can be trained again (torch.nn.Dropout)."""

ATTRS = ("p",)


def shape(node, shapes, params):
    return shapes[0]


def run(node, inputs, params):
    return inputs[0]
