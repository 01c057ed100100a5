"""The published early-exit call with the published arguments, as its documentation has it, and what it refuses."""

import random
import subprocess
import warnings

import numpy as np
import pytest
from toolchain import require_msp430

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

import sparsecomp  # noqa: E402
from sparsecomp import save_compressed_early_exit_model  # noqa: E402
from sparsecomp.errors import ConversionError, InputError, SparseCompError  # noqa: E402

PUBLISHED = ["headers/fc1_ee.h", "headers/headers.h", "headers/headers_ee.h", "headers/input.h", "model.c", "model.h",
             "model_ee.c", "model_ee.h"]  # fmt: skip


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Baseline(nn.Module):
    """Gives its scores, and the maps that an exit model looks at."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 3, 3, padding=1)
        self.conv2 = nn.Conv2d(3, 4, 3, padding=1)
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        first = F.max_pool2d(F.relu(self.conv1(x)), 2)
        second = F.max_pool2d(F.relu(self.conv2(first)), 2)
        return self.fc(torch.flatten(second, 1)), [first, second]


class SmallExits(nn.Module):
    """One global exit: maps pooled to one size over channels and space, concatenated, a linear layer."""

    def __init__(self):
        super().__init__()
        self.pools = nn.ModuleList([nn.MaxPool3d((1, 2, 2)), nn.MaxPool3d((1, 1, 1))])
        self.fc = nn.Linear(7 * 4, 5)

    def forward(self, maps):
        pooled = [pool(m) for pool, m in zip(self.pools, maps, strict=True)]
        return self.fc(torch.flatten(torch.cat(pooled, 1), 1))


class MediumExits(nn.Module):
    """The larger one: average pooling, upsampling, a 1x1 convolution, pooling, batch-norm, a linear layer."""

    def __init__(self):
        super().__init__()
        self.down, self.up = nn.AvgPool2d(1), nn.Upsample(scale_factor=2)
        self.conv = nn.Conv2d(7, 2, 1)
        self.pool, self.norm = nn.MaxPool2d(2), nn.BatchNorm2d(2)
        self.fc = nn.Linear(2 * 4, 5)

    def forward(self, maps):
        x = torch.cat([self.down(maps[0]), self.up(maps[1])], 1)
        x = self.norm(self.pool(F.relu(self.conv(x))))
        return self.fc(torch.flatten(x, 1))


def simulate_exit(maps, choice=None):
    """What is known when inference ends at ``choice``: later maps are zeros."""
    if choice is None:
        choice = random.randrange(len(maps))
    return [m if i <= choice else torch.zeros_like(m) for i, m in enumerate(maps)], choice


@pytest.fixture(scope="module")
def baseline():
    torch.manual_seed(0)
    return Baseline()


@pytest.fixture(scope="module")
def head():
    torch.manual_seed(1)
    return SmallExits()


@pytest.fixture(scope="module")
def images():
    return torch.randn(40, 1, 8, 8, generator=torch.Generator().manual_seed(2))


def selftest(directory):
    """What the project's own self-test says."""
    done = subprocess.run(["make", "-C", str(directory), "test"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def right_answer(baseline, head, image, choice):
    """The scores of an exit, as the published networks compute them."""
    with torch.no_grad():
        _, maps = baseline.eval()(image)
        return head.eval()(simulate_exit(maps, choice)[0]).numpy()[0]


def stopped_at(directory):
    """(scores, exit) that the self-test expects, in elements."""
    text = (directory / "headers/input.h").read_text()
    body = text[text.index("expected") :]
    numbers = [
        int(word) for word in body[body.index("{") + 1 : body.index("}")].replace("\n", " ").split(",") if word.strip()
    ]
    return np.array(numbers[:-1]), numbers[-1]


def test_the_published_call(baseline, head, images, tmp_path):
    with pytest.warns(UserWarning, match="float32") as warned:
        save_compressed_early_exit_model(
            baseline, head, "csr", simulate_exit=simulate_exit, input_data=images[:1], directory=tmp_path / "my_model"
        )
    assert warned[0].filename == __file__
    assert [name for name in PUBLISHED if not (tmp_path / "my_model" / name).is_file()] == []
    assert not (tmp_path / "my_model/headers/fc2_ee.h").exists()  # one head, stored once
    selftest(tmp_path / "my_model")


@pytest.mark.parametrize("exits", [SmallExits, MediumExits])
def test_with_example_data_it_is_integer_and_stops_at_the_choice(exits, baseline, images, tmp_path):
    torch.manual_seed(3)
    model = exits()
    model.train()(baseline(images)[1])  # batch-norm has seen something
    result = save_compressed_early_exit_model(
        baseline, model, "csr", simulate_exit=simulate_exit, input_data=images[:1], example_data=images,
        directory=tmp_path / "my_model",
    )  # fmt: skip
    random.seed(0)
    choice = random.randrange(2)  # the one draw under the fixed seed
    assert result.plan.program.policy.text == f"fixed:{choice}"
    selftest(tmp_path / "my_model")
    scores, taken = stopped_at(tmp_path / "my_model")
    assert taken == choice
    expected = right_answer(baseline, model, images[:1], choice)
    found = scores * result.plan.program.scale("exit_answer")
    assert np.abs(found - expected).max() < 0.1 * np.abs(expected).max()


def test_it_builds_for_the_board(baseline, head, images, tmp_path):
    require_msp430()
    save_compressed_early_exit_model(
        baseline, head, "csr", simulate_exit=lambda maps, choice=None: simulate_exit(maps, 0), input_data=images[:1],
        example_data=images, directory=tmp_path / "my_model", board="msp430fr5994",
    )  # fmt: skip
    done = subprocess.run(["make", "-C", str(tmp_path / "my_model")], capture_output=True, text=True)
    assert done.returncode == 0 and "warning" not in done.stderr, done.stderr
    assert (tmp_path / "my_model/build/firmware.elf").is_file()
    assert stopped_at(tmp_path / "my_model")[1] == 0


def convert(tmp_path, *networks, **options):
    options = {"simulate_exit": simulate_exit, "directory": tmp_path / "p", **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return save_compressed_early_exit_model(*networks, "csr", **options)


def test_the_choice_is_drawn_once_under_a_fixed_seed_and_nothing_of_the_users_changes(baseline, head, images, tmp_path):
    calls = []

    def drawing(maps, choice=None):
        drawn = (int(np.random.randint(1000)), random.randrange(1000), int(torch.randint(1000, ())))
        calls.append(drawn)
        return simulate_exit(maps, drawn[0] % 2)

    baseline.train()
    head.train()
    state = np.random.get_state()[1].copy(), random.getstate(), torch.random.get_rng_state()
    for name in ("one", "other"):
        convert(tmp_path, baseline, head, input_data=images[:1], simulate_exit=drawing, directory=tmp_path / name)
    assert len(calls) == 2 and calls[0] == calls[1]
    assert np.array_equal(state[0], np.random.get_state()[1]) and state[1] == random.getstate()
    assert torch.equal(state[2], torch.random.get_rng_state())
    assert baseline.training and head.training


@pytest.mark.parametrize("choice", [np.int64(1), torch.tensor(1), True])
def test_a_choice_may_be_any_whole_number(choice, baseline, head, images, tmp_path):
    result = convert(tmp_path, baseline, head, input_data=images[:1], simulate_exit=lambda maps: (maps, choice))
    assert result.plan.program.policy.text == "fixed:1"


def test_a_sample_may_lack_its_batch(baseline, head, images, tmp_path):
    result = convert(tmp_path, baseline, head, input_data=images[0], example_data=images)
    assert result.plan.program.inputs[0].shape == (1, 8, 8)


@pytest.mark.parametrize("kind", [np.float64, np.float16])
def test_samples_may_be_floats_of_any_width(kind, baseline, head, images, tmp_path):
    data = images.numpy().astype(kind)
    result = convert(tmp_path, baseline, head, input_data=data[:1], example_data=data)
    assert result.plan.program.inputs[0].shape == (1, 8, 8)


def test_without_a_choice_the_policy_is_the_default_and_one_may_be_given(baseline, head, images, tmp_path):
    options = {"input_data": images[:1], "example_data": images}
    default = convert(tmp_path, baseline, head, **options, simulate_exit=None, directory=tmp_path / "a")
    assert default.plan.program.policy.text == "confidence:0.9"
    given = convert(tmp_path, baseline, head, **options, policy="full", directory=tmp_path / "b")
    assert given.plan.program.policy.text == "full"
    options |= {"simulate_exit": None, "policy": "confidence:0.51"}
    calm = convert(tmp_path, baseline, head, **options, directory=tmp_path / "c")
    hot = convert(tmp_path, baseline, head, **options, temperatures=torch.tensor([2.0, 0.5]), directory=tmp_path / "d")
    first, second = calm.plan.program.policy.margins
    assert 0 <= hot.plan.program.policy.margins[0] - 2 * first <= 1
    assert hot.plan.program.policy.margins[1] == second // 2


def test_a_baseline_that_gives_its_maps_when_asked(baseline, head, images, tmp_path):
    class Asked(Baseline):
        def forward(self, x, intermediate_outputs=False):
            scores, maps = super().forward(x)
            return (scores, maps) if intermediate_outputs else scores

    asked = Asked()
    asked.load_state_dict(baseline.state_dict())
    one = convert(tmp_path, asked, head, input_data=images[:1], directory=tmp_path / "one")
    other = convert(tmp_path, baseline, head, input_data=images[:1], directory=tmp_path / "other")
    assert one.plan.program.policy == other.plan.program.policy
    assert (tmp_path / "one/headers/input.h").read_text() == (tmp_path / "other/headers/input.h").read_text()


class Plain(nn.Module):
    """A network that knows nothing of exits."""

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 3, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(),
            nn.MaxPool2d(2),
        )  # fmt: skip
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        return self.fc(torch.flatten(self.features(x), 1))


def test_a_plain_network_with_named_exit_points(head, images, tmp_path):
    result = convert(tmp_path, Plain(), head, input_data=images[:1], example_data=images,
                     exits=["features.2", "features.5"])  # fmt: skip
    assert [e.name for e in result.plan.program.exits] == ["features.2", "features.5", "full"]
    assert '#define EXIT_0 "features.2"' in (tmp_path / "p/model_ee.h").read_text()


# --- what does not keep to the contract -------------------------------------------------------------------------------


def refused(error, tmp_path, *networks, **options):
    with pytest.raises(SparseCompError) as refusal:
        convert(tmp_path, *networks, **options)
    assert isinstance(refusal.value, error) and refusal.value.hint
    assert "\n" not in str(refusal.value) and not (tmp_path / "p").exists()
    return str(refusal.value)


def giving(change):
    """A baseline whose forward gives something else."""

    class Changed(Baseline):
        def forward(self, x):
            return change(*super().forward(x))

    return Changed()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda scores, maps: scores, "does not give (scores, [maps])"),
        (lambda scores, maps: (scores, maps[0]), "does not give (scores, [maps])"),
        (lambda scores, maps: (scores, maps, 1), "does not give (scores, [maps])"),
        (lambda scores, maps: ((scores, scores), maps), "does not give (scores, [maps])"),
        (lambda scores, maps: (scores, [maps[0].detach().numpy(), maps[1]]), "does not give (scores, [maps])"),
        (lambda scores, maps: (scores, []), "gives no maps"),
    ],
)
def test_a_baseline_without_maps(change, words, head, images, tmp_path):
    assert words in refused(InputError, tmp_path, giving(change), head, input_data=images[:1])


@pytest.mark.parametrize(
    ("simulate", "words"),
    [
        (lambda maps: (maps, 2), "chooses 2, the exits are 0 to 1"),
        (lambda maps: (maps, -1), "chooses -1, the exits are 0 to 1"),
        (lambda maps: (maps, None), "chooses None"),
        (lambda maps: (maps, 1.0), "chooses 1.0"),
        (lambda maps: (maps, "1"), "chooses 1,"),
        (lambda maps: maps, "chooses a Tensor"),
        (lambda maps: (maps, torch.tensor([0, 1])), "chooses a Tensor"),
        (lambda maps: None, "chooses None"),
        (7, "is a int, not a function"),
    ],
)
def test_a_choice_that_is_none(simulate, words, baseline, head, images, tmp_path):
    assert words in refused(InputError, tmp_path, baseline, head, input_data=images[:1], simulate_exit=simulate)


def no_arguments():
    return None


def missing(maps):
    raise KeyError("later")


@pytest.mark.parametrize(("simulate", "words"), [(no_arguments, "TypeError"), (missing, "KeyError 'later'")])
def test_a_choice_that_fails(simulate, words, baseline, head, images, tmp_path):
    text = refused(ConversionError, tmp_path, baseline, head, input_data=images[:1], simulate_exit=simulate)
    assert "simulate_exit" in text and words in text


@pytest.mark.parametrize(
    ("temperatures", "words"),
    [
        ([1.0], "1 temperature(s) for 2 exit(s)"),
        ([], "0 temperature(s) for 2 exit(s)"),
        ([1.0, 1.0, 1.0], "3 temperature(s) for 2 exit(s)"),
        ([1.0, 0.0], "temperature 0.0"),
        ([1.0, float("nan")], "temperature nan"),
        ([1.0, "warm"], "no numbers"),
        (2.0, "no numbers"),
    ],
)
def test_temperatures_that_do_not_fit(temperatures, words, baseline, head, images, tmp_path):
    assert words in refused(InputError, tmp_path, baseline, head, input_data=images[:1], temperatures=temperatures)


@pytest.mark.parametrize(
    ("exits", "words"),
    [
        (["features.2", "features.9"], "no module 'features.9'"),
        (["features.5", "features.2"], "is reached as number 1, not 2"),
        (["features.2", "features.2"], "one twice"),
        ([], "are none"),
    ],
)
def test_exit_points_that_cannot_be(exits, words, head, images, tmp_path):
    assert words in refused(InputError, tmp_path, Plain(), head, input_data=images[:1], exits=exits)


def test_networks_that_do_not_run(baseline, head, images, tmp_path):
    class Broken(SmallExits):
        def forward(self, maps):
            raise RuntimeError("it is broken")

    assert "it is broken" in refused(ConversionError, tmp_path, baseline, Broken(), input_data=images[:1])
    assert "cannot be run" in refused(ConversionError, tmp_path, baseline, head, input_data=images[:1, :, :5])
    fewer = SmallExits()
    fewer.fc = nn.Linear(28, 4)
    assert "same classes" in refused(InputError, tmp_path, baseline, fewer, input_data=images[:1])
    for networks in ((baseline, lambda maps: maps), (None, head)):
        assert "not a torch.nn.Module" in refused(InputError, tmp_path, *networks, input_data=images[:1])
    assert "without a sample" in refused(InputError, tmp_path, baseline, head)
    assert "the exits are 0 to 2" in refused(
        InputError, tmp_path, baseline, head, input_data=images[:1], policy="fixed:3"
    )
    assert "unknown exit policy" in refused(InputError, tmp_path, baseline, head, input_data=images[:1], policy="fast")


def test_it_is_the_packages_own_name():
    assert sparsecomp.save_compressed_early_exit_model is save_compressed_early_exit_model
