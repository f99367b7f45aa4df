"""The set-up found among messy variables: by what the objects are and whose parameters they hold."""

from __future__ import annotations

import copy
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
import torch
from torch import nn

from nbtrain.errors import UsageError
from nbtrain.notebook.namespace import find_setup


def refused(namespace, **given):
    """The text of the UsageError, which must be one line."""
    with pytest.raises(UsageError) as caught:
        find_setup(namespace, **given)
    text = str(caught.value)
    assert "\n" not in text
    return text


def adam(*models, lr=1e-3):
    return torch.optim.Adam([p for model in models for p in model.parameters()], lr=lr)


# --- the usual notebook -------------------------------------------------------------------------------------


def test_the_usual_notebook_is_found_with_its_names(nb):
    """Everything is found, each under the name it has, and there is nothing to remark."""
    space = nb.notebook()
    setup = find_setup(space)
    names = [part.name for part in (setup.model, setup.optimizer, setup.loss, setup.train, setup.val)]
    assert names == ["model", "optimizer", "criterion", "train_loader", "val_loader"]
    assert all(
        space[part.name] is part.value for part in (setup.model, setup.optimizer, setup.loss, setup.train)
    )
    assert (setup.scheduler, setup.remarks) == (None, ())


def test_unusual_names_do_not_matter(nb):
    """Objects are told by what they are: every name here says nothing."""
    space = nb.notebook()
    odd = {
        "a1": space["model"],
        "b1": space["optimizer"],
        "c1": space["criterion"],
        "d1": space["train_loader"],
    }
    setup = find_setup(odd)
    assert [setup.model.name, setup.optimizer.name, setup.loss.name, setup.train.name] == [
        "a1",
        "b1",
        "c1",
        "d1",
    ]


def test_shell_history_is_ignored(nb):
    """Old models in `_`, `_3`, `Out` and the like neither compete nor count as alive."""
    old = nb.Net()
    history = {
        "_": old,
        "__": nb.Net(),
        "_3": old,
        "Out": {3: old},
        "_oh": {3: old},
        "In": ["", "x"],
        "_i3": "x",
    }
    assert find_setup(nb.notebook(**history)).model.name == "model"
    stale = refused(nb.notebook(optimizer=adam(old), **history))
    assert "belong to no living model" in stale


def test_aliases_are_one_candidate_under_the_best_name(nb):
    """Several names for one object are no ambiguity; the usual name is used."""
    space = nb.notebook()
    space = {
        "m": space["model"],
        "_tmp": space["optimizer"],
        "opt2": space["optimizer"],
        "x": space["criterion"],
        **space,
    }
    setup = find_setup(space)
    assert (setup.model.name, setup.optimizer.name, setup.loss.name) == ("model", "optimizer", "criterion")


def test_nothing_is_changed_by_looking(nb):
    """Generators, weights, modes and gradients are as before."""
    space = nb.notebook()
    weights, rng = copy.deepcopy(space["model"].state_dict()), torch.get_rng_state()
    find_setup(space)
    assert torch.equal(torch.get_rng_state(), rng)
    assert all(torch.equal(weights[key], value) for key, value in space["model"].state_dict().items())
    assert space["model"].training and all(p.grad is None for p in space["model"].parameters())


# --- which module is the model ------------------------------------------------------------------------------


def test_a_root_beats_its_parts(nb):
    """Backbone and head left in variables are parts of the model, not models."""
    backbone, head = nn.Linear(4, 8), nn.Linear(8, 3)

    class Whole(nn.Module):
        def __init__(self):
            super().__init__()
            self.backbone, self.head = backbone, head

        def forward(self, x):
            return self.head(self.backbone(x))

    whole = Whole()
    space = nb.notebook(backbone=backbone, head=head, classifier=whole, optimizer=adam(whole))
    del space["model"]
    assert find_setup(space).model.name == "classifier"


def test_other_modules_are_not_models(nb):
    """Criteria, metrics, transforms, containers and layers tried out do not compete with the model."""

    class Accuracy(nn.Module):
        def update(self, x): ...
        def compute(self): ...
        def reset(self): ...
        def forward(self, x): ...

    space = nb.notebook(
        metric=Accuracy(),
        normalise=nn.Sequential(nn.Flatten(), nn.Identity()),
        layers=nn.ModuleList([nn.Linear(2, 2)]),
        m=nn.Linear(20, 30),
        softmax=nn.Softmax(dim=1),
    )
    setup = find_setup(space)
    assert (setup.model.name, setup.loss.name) == ("model", "criterion")
    del space["optimizer"]
    assert find_setup(space).model.name == "model"


def test_copies_and_frozen_models_are_left_alone(nb):
    """An EMA copy, a frozen network, the best so far: the optimizer tells which learns, a name does not."""
    space = nb.notebook()
    space["ema"] = torch.optim.swa_utils.AveragedModel(space["model"])
    space["vgg"] = nb.Net().requires_grad_(False)
    space["best_model"] = copy.deepcopy(space["model"])
    setup = find_setup(space)
    assert (setup.model.name, setup.remarks) == ("model", ())
    (remark,) = find_setup({**space, "second": nb.Net()}).remarks
    assert remark == "`second` (Net, 67 parameters) is not trained: `optimizer` holds none of the parameters."
    del space["optimizer"]
    assert "Say which: `%train model` or `%train best_model`." in refused(space)
    del space["best_model"]
    assert find_setup(space).model.name == "model"


def test_a_class_around_the_model_is_said(nb):
    """A person's wrapper that adds no parameters is the root, and the remark says how to train the inside."""

    class Around(nn.Module):
        def __init__(self, net):
            super().__init__()
            self.net = net

        def forward(self, x):
            return self.net(x)

    space = nb.notebook()
    space["around"] = Around(space["model"])
    setup = find_setup(space)
    assert setup.model.name == "around"
    assert setup.remarks == (
        "`around` (Around) contains `model` and is what is trained; `%train model` trains `model` directly.",
    )
    assert find_setup(space, model="model").remarks == ()


def test_an_optimizer_with_groups_is_offered_with_its_defaults(nb):
    """Groups cannot be written anew: `[...]` stands for them, the settings are those given to all."""
    model = nb.Net()
    groups = [{"params": model.body.parameters(), "lr": 1e-5}, {"params": model.head.parameters()}]
    text = refused(nb.notebook(optimizer=torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.1)))
    assert text.endswith("Make it again: optimizer = torch.optim.AdamW([...], lr=0.001, weight_decay=0.1)")


def test_compiled_wrapper_is_trained_and_said(nb):
    """torch.compile's wrapper beside its model: the wrapper runs, the model's optimizer holds it."""
    space = nb.notebook()
    space["compiled"] = torch.compile(space["model"])
    setup = find_setup(space)
    assert setup.model.value is space["compiled"] and setup.optimizer.name == "optimizer"
    assert setup.remarks == (
        (
            "`compiled` is `model` wrapped by torch.compile: training runs through `compiled`, the weights"
            " are shared."
        ),
    )
    assert find_setup(space, model="model").model.value is space["model"]
    only = {**space, "model": space.pop("compiled")}
    assert find_setup(only).remarks == ()


def test_data_parallel_is_one_model(nb):
    """nn.DataParallel around the model: the wrapper is the model, its parameters are found inside."""
    space = nb.notebook()
    space["parallel"] = nn.DataParallel(space["model"])
    setup = find_setup(space)
    assert setup.model.name == "parallel"
    assert "wrapped by DataParallel" in setup.remarks[0]


def test_a_stack_around_the_model_is_asked_about(nb):
    """nn.Sequential(model, Softmax) made to predict holds the same parameters: the person says which."""
    space = nb.notebook()
    space["probabilities"] = nn.Sequential(space["model"], nn.Softmax(dim=1))
    text = refused(space)
    assert (
        text
        == "`probabilities` is an nn.Sequential around `model` and adds no parameters, so either could be"
        " meant. Say which to train: `%train model` or `%train probabilities`."
    )
    assert find_setup(space, model="model").optimizer.name == "optimizer"


def test_a_model_kept_in_an_object_is_found(nb):
    """`trainer.model` and `trainer.optimizer`, not variables themselves, are named by the way to them."""
    space = nb.notebook()
    trainer = SimpleNamespace(model=space.pop("model"), optimizer=space.pop("optimizer"))
    setup = find_setup({"trainer": trainer, **space})
    assert (setup.model.name, setup.optimizer.name) == ("trainer.model", "trainer.optimizer")
    assert (
        find_setup({"parts": {"net": trainer.model}, "opt": trainer.optimizer, **space}).model.name
        == 'parts["net"]'
    )


def test_several_models_without_an_optimizer_are_listed(nb):
    """Nothing tells which: both are listed with what they are and what to type."""
    space = nb.notebook(small=nb.Net(), large=nb.Net())
    del space["optimizer"], space["model"]
    assert (
        refused(space)
        == "There are 2 models here and no optimizer tells which one to train: `small` (Net, 67 parameters)"
        " and `large` (Net, 67 parameters). Say which: `%train small` or `%train large`."
    )
    assert find_setup(space, model="large").optimizer is None


def test_one_model_without_an_optimizer_is_enough(nb):
    """No optimizer at all is not an error here: there is one model, and optimizer is None."""
    space = nb.notebook()
    del space["optimizer"]
    setup = find_setup(space)
    assert (setup.model.name, setup.optimizer) == ("model", None)


# --- whose parameters ---------------------------------------------------------------------------------------


def test_model_cell_run_again_is_said_with_the_line_that_mends_it(nb):
    """The optimizer still holds the first model's parameters: said so, with the person's own settings."""
    space = nb.notebook()
    space["optimizer"] = torch.optim.AdamW(
        space["model"].parameters(), lr=3e-4, betas=(0.9, 0.98), weight_decay=0.05
    )
    space["model"] = nb.Net()
    assert (
        refused(space)
        == "`optimizer` (AdamW, lr=3.000e-4) holds 4 parameter tensors that belong to no living model:"
        " `model` was made again after `optimizer` (its cell was run again, or its weights were replaced),"
        " and training with it would change nothing in `model`. Make it again: optimizer ="
        " torch.optim.AdamW(model.parameters(), lr=0.0003, betas=(0.9, 0.98), weight_decay=0.05)"
    )


def test_the_line_that_mends_it_works(nb):
    """Running the offered line in the notebook makes the set-up whole, scheduler included."""
    space = nb.notebook()
    space["scheduler"] = torch.optim.lr_scheduler.MultiStepLR(space["optimizer"], [3, 7], gamma=0.5)
    space["model"] = nb.Net()
    text = refused(space)
    assert "Make it again (and its scheduler): " in text
    exec(text.split("Make it again (and its scheduler): ")[1].replace("; ", "\n"), space)
    setup = find_setup({key: value for key, value in space.items() if key != "__builtins__"})
    assert (setup.optimizer.name, setup.scheduler.name) == ("optimizer", "scheduler")
    assert dict(setup.scheduler.value.milestones) == {3: 1, 7: 1} and setup.scheduler.value.gamma == 0.5


def test_the_line_uses_the_notebooks_own_imports_and_the_first_learning_rate(nb):
    """`import SGD` gives `SGD(...)`, `optim` gives `optim.SGD`; a scheduler's change of lr is undone."""
    space = nb.notebook()
    space["optimizer"] = torch.optim.SGD(space["model"].parameters(), lr=0.1, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(space["optimizer"], 0.5)
    space["optimizer"].step(), scheduler.step()
    space["model"] = nb.Net()
    assert "optimizer = SGD(model.parameters(), lr=0.1, momentum=0.9)" in refused(
        {**space, "SGD": torch.optim.SGD}
    )
    del space["torch"]
    assert "optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)" in refused(
        {**space, "optim": torch.optim}
    )


def test_stale_and_several_models(nb):
    """A stale optimizer beside two models: both facts are said, and the line is an example."""
    space = nb.notebook(optimizer=adam(nb.Net()), second=nb.Net())
    text = refused(space)
    assert "belong to no living model, and there are 2 models here: `model`" in text
    assert "for example: optimizer = torch.optim.Adam(model.parameters(), lr=0.001)" in text


def test_optimizer_of_another_kind_of_model(nb):
    """When shapes differ the text does not claim the cell was run again."""
    text = refused(nb.notebook(optimizer=adam(nn.Linear(77, 5))))
    assert "`model` is another model than the one it was made for" in text


def test_two_optimizers_for_one_model_are_listed(nb):
    """Body and head with an optimizer each: listed with what each holds, and how to choose."""
    space = nb.notebook()
    model = space["model"]
    space["optimizer"] = torch.optim.SGD(model.body.parameters(), lr=0.1)
    space["opt_head"] = adam(model.head)
    assert (
        refused(space)
        == "2 optimizers hold parameters of `model`: `optimizer` (SGD, lr=0.1, holds 2 of 4 tensors) and"
        " `opt_head` (Adam, lr=0.001, holds 2 of 4 tensors). Say which: `%train model --optimizer"
        " optimizer` or `%train model --optimizer opt_head`. To use several in turn, keep your own training"
        " loop: with"
        " `%%train` as its cell's first line it runs followed."
    )
    setup = find_setup(space, optimizer="opt_head")
    assert setup.optimizer.name == "opt_head"
    assert "`optimizer` holds some of them, and is not used" in setup.remarks[0]


def test_a_gan_is_listed_clearly(nb):
    """Two models with an optimizer each: who trains whom, and what to type; naming one model settles both."""
    space = nb.notebook(G=nb.Net(), D=nb.Net())
    del space["model"], space["optimizer"]
    space["opt_G"], space["opt_D"] = adam(space["G"], lr=2e-4), adam(space["D"], lr=1e-4)
    assert (
        refused(space)
        == "There are 2 models with 2 optimizers here: `G` (Net, 67 parameters) and `D` (Net, 67 parameters);"
        " `opt_G` (Adam, lr=2.000e-4 for `G`) and `opt_D` (Adam, lr=1.000e-4 for `D`). Say which to"
        " train: `%train G` or `%train D`. To train them in turn (a GAN), keep your own training"
        " loop: with"
        " `%%train` as its cell's first line it runs followed."
    )
    assert find_setup(space, model="D").optimizer.name == "opt_D"
    assert find_setup(space, optimizer="opt_G").model.name == "G"


def test_one_optimizer_over_encoder_and_decoder(nb):
    """One optimizer, two models: neither is taken alone, and wrapping them is the advice."""
    space = nb.notebook(encoder=nb.Net(), decoder=nb.Net())
    del space["model"]
    space["optimizer"] = adam(space["encoder"], space["decoder"])
    text = refused(space)
    assert text.startswith(
        "`optimizer` (Adam, lr=0.001) holds parameters of 2 models: `encoder` (Net, 4 parameter tensors"
    )
    assert "Put them into one nn.Module" in text


def test_shared_encoder_goes_to_the_model_that_holds_all(nb):
    """Two models share an encoder; the optimizer holds all of one of them."""
    encoder = nn.Linear(4, 8)
    space = nb.notebook(
        autoencoder=nn.Sequential(encoder, nn.Linear(8, 4)),
        classifier=nn.Sequential(encoder, nn.Linear(8, 3)),
    )
    del space["model"]
    space["optimizer"] = adam(space["classifier"])
    assert find_setup(space).model.name == "classifier"


def test_parameters_added_after_the_optimizer(nb):
    """A layer added later is trained by nobody: how many, which, and the line that mends it, as a remark."""
    space = nb.notebook()
    space["model"].extra = nn.Linear(3, 3)
    (remark,) = find_setup(space).remarks
    assert (
        remark
        == "`optimizer` holds 4 of the 6 trainable tensors of `model`: 12 parameters in 2 parameter tensors"
        " (`extra.weight`, `extra.bias`) will not be trained. If they were added or unfrozen after it was"
        " made, make it again: optimizer = torch.optim.Adam(model.parameters(), lr=0.001)"
    )


def test_head_replaced_after_the_optimizer(nb):
    """A replaced layer: old tensors are strangers in the optimizer, new ones are missed; both are said."""
    space = nb.notebook()
    space["model"].head = nn.Linear(8, 10)
    missed, strangers = find_setup(space).remarks
    assert "(`head.weight`, `head.bias`) will not be trained" in missed
    assert strangers.startswith(
        "2 of the 4 parameter tensors in `optimizer` belong to no living model: a layer of `model`"
    )


def test_everything_frozen(nb):
    """A model with nothing to learn is refused, with what to type."""
    space = nb.notebook()
    space["model"].requires_grad_(False)
    assert (
        refused(space)
        == "`model` (Net, 67 parameters) has no trainable parameters: all 4 parameter tensors are frozen "
        "(requires_grad=False). Unfreeze what should learn, for example: model.requires_grad_(True)"
    )


def test_optimizer_with_frozen_tensors_only(nb):
    """The optimizer holds the frozen body, the head that could learn is in none: nothing would be trained."""
    space = nb.notebook()
    space["optimizer"] = adam(space["model"].body)
    space["model"].body.requires_grad_(False)
    assert "holds only frozen tensors of `model`; the trainable ones (`head.weight`, `head.bias`)" in refused(
        space
    )


def test_frozen_backbone_is_fine(nb):
    """Fine-tuning: a frozen body and an optimizer over the head is whole, without a remark."""
    space = nb.notebook()
    space["model"].body.requires_grad_(False)
    space["optimizer"] = adam(space["model"].head)
    assert find_setup(space).remarks == ()


def test_stale_optimizer_beside_a_good_one(nb):
    """The good one is taken, the other is named in a remark."""
    setup = find_setup(nb.notebook(old_optimizer=adam(nb.Net())))
    assert setup.optimizer.name == "optimizer"
    assert setup.remarks == (
        "`old_optimizer` (Adam, lr=0.001) belongs to no living model and is not used; `optimizer` is.",
    )


def test_optimizer_of_the_backup_is_not_taken_for_the_models(nb):
    """The optimizer trains `old_model` while `model` is new: asked, never guessed."""
    space = nb.notebook()
    space["old_model"], space["model"] = space["model"], nb.Net()
    text = refused(space)
    assert text.startswith(
        "`optimizer` (Adam, lr=0.001) holds the parameters of `old_model`, none of `model`."
    )
    assert (
        "To train `model`, make the optimizer again: optimizer = torch.optim.Adam(model.parameters(),"
        " lr=0.001)"
        in text
    )


def test_named_model_and_optimizer_that_do_not_belong_together(nb):
    """`%train model --optimizer other`: said whose parameters it holds."""
    space = nb.notebook(other=nb.Net())
    space["other_opt"] = adam(space["other"])
    text = refused(space, model="model", optimizer="other_opt")
    assert text.startswith("`other_opt` (Adam, lr=0.001) holds the parameters of `other`, none of `model`.")


def test_loss_with_parameters_in_the_optimizer(nb):
    """A criterion that learns is in the optimizer beside the model: no stranger, no second model."""

    class CenterLoss(nn.Module):
        def __init__(self):
            super().__init__()
            self.centers = nn.Parameter(torch.zeros(3, 2))

        def forward(self, output, target):
            return output.sum()

    space = nb.notebook(criterion=CenterLoss())
    space["optimizer"] = adam(space["model"], space["criterion"])
    setup = find_setup(space)
    assert (setup.model.name, setup.loss.name, setup.remarks) == ("model", "criterion", ())


def test_wrapped_optimizers_are_looked_through(nb):
    """A wrapper with `.optimizer`, as Accelerate and Noam recipes have: one optimizer, the wrapper."""

    class Wrapper:
        def __init__(self, optimizer):
            self.optimizer = optimizer

        @property
        def param_groups(self):
            return self.optimizer.param_groups

        def step(self):
            self.optimizer.step()

        def zero_grad(self, set_to_none=True):
            self.optimizer.zero_grad(set_to_none)

    space = nb.notebook()
    space["noam"] = Wrapper(space["optimizer"])
    assert find_setup(space).optimizer.name == "noam"
    space["model"] = nb.Net()
    assert "`noam` (Adam, lr=0.001) holds 4 parameter tensors that belong to no living model" in refused(
        space
    )


def test_optimizer_that_only_the_scheduler_knows(nb):
    """StepLR(Adam(...), 10): the optimizer is reached through its scheduler."""
    space = nb.notebook()
    space["scheduler"] = torch.optim.lr_scheduler.StepLR(space.pop("optimizer"), 10)
    setup = find_setup(space)
    assert (setup.optimizer.name, setup.scheduler.name) == ("scheduler.optimizer", "scheduler")


# --- nothing to train ---------------------------------------------------------------------------------------


def test_no_model_says_what_there_is_instead(nb):
    """A class without an instance, plain tensors, a container, an optimizer alone: each in its own words."""
    space = nb.notebook()
    del space["model"]
    assert (
        refused(space)
        == "There is no model among the variables; `Net` is the class of one. Make the model first: model ="
        " Net(...)"
    )
    optimizer = space.pop("optimizer")
    bare = {"train_loader": space["train_loader"]}
    assert refused({**bare, "optimizer": optimizer}).endswith(
        "holds 4 parameter tensors of one. Run the cell that makes the model, then the one that makes the"
        " optimizer. A model that an object keeps can be named: `%train exp.model`."
    )
    w = torch.zeros(3, requires_grad=True)
    text = refused({**bare, "w": w, "opt": torch.optim.SGD([w], lr=0.1)})
    assert text.startswith("`opt` updates plain tensors (`w`); %train needs a torch.nn.Module.")
    assert "`layers` is a ModuleList" in refused({**bare, "layers": nn.ModuleList([nn.Linear(1, 1)])})
    assert refused(bare).startswith("There is no model among the variables.")


def test_models_that_cannot_learn_say_why(nb):
    """Hidden layers in a list, the meta device, quantised weights: named as what they are."""

    class Hidden(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = [nn.Linear(2, 2)]

        def forward(self, x):
            return x

    assert "a plain python list hides them" in refused(nb.notebook(), model=Hidden())
    assert "is on the meta device" in refused(
        nb.notebook(model=nn.Linear(2, 2, device="meta")), model="model"
    )
    quantised = torch.ao.quantization.quantize_dynamic(nn.Sequential(nn.Linear(4, 4)), {nn.Linear})
    assert "is quantised" in refused(nb.notebook(), model=quantised)


# --- hostile and huge ---------------------------------------------------------------------------------------


class Hostile:
    """Raises whatever it is asked."""

    def _no(self, *args):
        raise RuntimeError("hands off")

    __eq__ = __len__ = __bool__ = __iter__ = __call__ = __hash__ = __repr__ = __getitem__ = _no

    def __getattr__(self, name):
        raise RuntimeError("hands off")


class HostileModule(nn.Module):
    """A module whose own ways to list parameters raise, though it has some."""

    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(4, 3)

    def forward(self, x):
        return self.fc(x)

    def parameters(self, recurse=True):
        raise RuntimeError("hands off")

    named_parameters = modules = named_modules = children = state_dict = parameters

    def __len__(self):
        raise RuntimeError("hands off")

    __bool__ = __repr__ = __eq__ = __len__
    __hash__ = nn.Module.__hash__


def test_hostile_objects_do_no_harm(nb):
    """Objects that raise on equality, length, truth, attributes or repr are stepped over."""
    hostile = Hostile()
    setup = find_setup(
        nb.notebook(loss_thing=hostile, batches=hostile, val_data=hostile, holder=[hostile], d={"x": hostile})
    )
    assert setup.model.name == "model" and setup.val.name == "val_loader"


def test_a_model_that_raises_when_asked_is_still_found(nb):
    """`parameters()` may raise: identity is read from what torch keeps."""
    model = HostileModule()
    setup = find_setup(nb.notebook(model=model, optimizer=adam(model.fc)))
    assert setup.model.value is model and setup.optimizer.name == "optimizer"


def test_module_without_init_and_with_raising_getattr(nb):
    """A class that forgot super().__init__() or guards its attributes is no obstacle."""

    class Forgot(nn.Module):
        def __init__(self):
            pass

        def forward(self, x):
            return x

    class Guarded(nn.Module):
        def __getattr__(self, name):
            raise RuntimeError("hands off")

        def forward(self, x):
            return x

    assert find_setup(nb.notebook(forgot=Forgot(), guarded=Guarded())).model.name == "model"


def test_five_thousand_names_and_a_big_model(nb):
    """A huge namespace with arrays and frames, and a model of 10,000 modules, give the same answer."""
    clutter = [
        1,
        "x",
        [1, 2],
        {"a": 1},
        np.zeros(3),
        pd.DataFrame({"a": [1]}),
        torch.zeros(2),
        object(),
        print,
        nb.Net,
    ]
    space = {f"v{i}": clutter[i % len(clutter)] for i in range(5_000)}
    model = nn.Sequential(*(nn.Sequential(nn.Linear(1, 1), nn.ReLU(), nn.ReLU()) for _ in range(2_500)))
    setup = find_setup({**space, **nb.notebook(model=model, optimizer=adam(model))})
    assert (setup.model.value, setup.remarks) == (model, ())


def test_tied_lazy_and_scalar_parameters(nb):
    """Shared weights, parameters without a shape yet and 0-dim ones are held and counted like others."""

    class Odd(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(4, 4), nn.Linear(4, 4)
            self.b.weight = self.a.weight
            self.lazy = nn.LazyLinear(3)
            self.scale = nn.Parameter(torch.tensor(1.0))

        def forward(self, x):
            return self.lazy(self.b(self.a(x))) * self.scale

    model = Odd()
    assert find_setup(nb.notebook(model=model, optimizer=adam(model))).remarks == ()
    assert "belong to no living model" in refused(nb.notebook(model=Odd(), optimizer=adam(model)))


def test_scripted_models_are_models(nb):
    """torch.jit.script keeps its parts elsewhere: found all the same, with the optimizer that holds them."""
    model = torch.jit.script(nb.Net())
    setup = find_setup(nb.notebook(model=model, optimizer=adam(model)))
    assert setup.model.value is model and setup.optimizer.name == "optimizer" and setup.remarks == ()
