"""Language models of Hugging Face, fine-tuned for real: a small Llama with a tokenizer of the shipped text.

One file, since importing transformers takes longer than all that is tested here.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import nbtrain
from nbtrain.commands._table import command
from nbtrain.commands.parse import parse
from nbtrain.commands.spec import Context
from nbtrain.config.checking import Place, check_text
from nbtrain.config.modes import supplied
from nbtrain.config.resolved import Configuration, resolve
from nbtrain.configured.language.pretrained import find_base
from nbtrain.configured.language.samples import read_texts
from nbtrain.errors import InvalidConfig, UsageError

BOOK = Path(__file__).resolve().parents[2] / "notebooks" / "data" / "sherlock_holmes.txt"
WINDOW, WORDS = 64, 400
TEMPLATE = (
    "{% for one in messages %}<s>{{ one.role }}\n{{ one.content }}</s>\n{% endfor %}"
    "{% if add_generation_prompt %}<s>assistant\n{% endif %}"
)
B = """\
model: {base_checkpoint: base%s}
data: {train_path: %s, valid_path: %s, max_seq_length: 64%s}
training:
  hyperparameters: {learning_rate: 9e-3, batch_size: 8, %s}
  optimization: {lr_scheduler: cosine, early_stopping_metric: val_perplexity}
  checkpointing: {save_strategy: epoch, load_best_at_end: true, metric_for_best_model: val_perplexity}
compute: {device: cpu}
seed: 7
"""
B = B.replace("seed: 7\n", "reproducibility: {seed: 7}\n")


@pytest.fixture(scope="session")
def paragraphs() -> list[str]:
    """Paragraphs of the shipped text, a line each."""
    parts = BOOK.read_text(encoding="utf-8").split("\n\n")
    return [" ".join(part.split()) for part in parts if 12 < len(part.split()) < 80]


@pytest.fixture(scope="session")
def base(tmp_path_factory: pytest.TempPathFactory, paragraphs: list[str]) -> Path:
    """A base checkpoint: a Llama of two layers with weights from a seed, and a BPE tokenizer of the text."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    made = Tokenizer(models.BPE())
    made.pre_tokenizer, made.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    special, alphabet = ["<s>", "</s>"], pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=WORDS, special_tokens=special, initial_alphabet=alphabet, show_progress=False
    )
    made.train_from_iterator(paragraphs, trainer)
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=made, bos_token="<s>", eos_token="</s>")
    tokenizer.chat_template = TEMPLATE
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=WORDS, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, max_position_embeddings=WINDOW, bos_token_id=0, eos_token_id=1,
        tie_word_embeddings=True,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("language") / "base"
    LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory, base: Path, paragraphs: list[str]) -> Path:
    """A folder with the base and data in each layout."""
    folder = tmp_path_factory.mktemp("texts")
    (folder / "base").symlink_to(base)
    for name, texts in (("train", paragraphs[:90]), ("val", paragraphs[90:110])):
        lines(folder / f"{name}.jsonl", *({"text": text} for text in texts))
        lines(folder / f"{name}_pairs.jsonl", *map(pair, texts))
    return folder


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, data: Path) -> None:
    """Work in a folder with base and data; know no run of other tests."""
    from nbtrain.running import active

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(active, "_runs", [])
    for one in data.iterdir():
        if one.name not in ("runs", "c.yaml"):
            Path(one.name).symlink_to(one)


@pytest.fixture(scope="module")
def learned(data: Path) -> Any:
    """A run that fine-tuned the base on plain texts to the end."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data)
        run = planned(plain()).start().wait(120)
        assert str(run.status) == "completed", run.error
        return run, run.dir.absolute(), by_frequency(planned(plain()).plan.work)


@pytest.fixture(scope="module")
def work(data: Path) -> Any:
    """Model, data and loss of a fine-tuning on completions only."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(data)
        return planned(paired(data=", completions_only: true")).plan.work


def lines(path: str | Path, *rows: Any) -> Path:
    Path(path).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return Path(path)


def pair(text: str) -> dict[str, str]:
    words = text.split()
    return {"prompt": " ".join(words[:6]), "completion": " " + " ".join(words[6:])}


def chat(*said: str) -> dict[str, Any]:
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[i % 2], "content": text} for i, text in enumerate(said)]}


def planned(text: str, *words: str, verb: str = "start") -> Any:
    Path("c.yaml").write_text(text)
    chosen = command(verb)
    return chosen.run(parse(chosen, ["--config", "c.yaml", *words]), Context())


def plain(much: str = "num_epochs: 8, gradient_accumulation_steps: 2", **more: str) -> str:
    return B % (more.get("model", ""), "train.jsonl", "val.jsonl", more.get("data", ""), much)


def paired(much: str = "num_epochs: 1", **more: str) -> str:
    return B % (more.get("model", ""), "train_pairs.jsonl", "val_pairs.jsonl", more.get("data", ""), much)


def by_frequency(work: Any) -> float:
    """The perplexity of guesses by how often each token is in the training texts."""
    learned_from, judged_by = (
        np.concatenate([[*row["labels"][1:]] for row in loader.dataset])
        for loader in (work.train_loader, work.val_loader)
    )
    counts = np.bincount(learned_from[learned_from >= 0].astype(int), minlength=WORDS) + 1
    judged_by = judged_by[judged_by >= 0].astype(int)
    return float(np.exp(-np.log(counts[judged_by] / counts.sum()).mean()))


def texts(*rows: Any, **settings: Any) -> Any:
    configuration = Configuration({"base_checkpoint": "base", "seed": 1, **settings}, folder=Path.cwd())
    found = find_base(configuration)
    assert found is not None
    return read_texts(lines("some.jsonl", *rows), configuration, base=found)


def asked(data: Any, index: int = 0) -> str:
    """The text behind the tokens that are predicted."""
    labels = data[index]["labels"]
    return data.text_of(labels[labels != -100].tolist())


def test_it_learns_writes_and_is_left_as_a_model(learned: Any) -> None:
    """It beats guesses by frequency; transformers loads what is left; the report shows completions."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    run, folder, guessed = learned
    rows = json.loads((folder / "logs" / "metrics.json").read_text())["epochs"]
    assert rows[-1]["val_perplexity"] < min(135, guessed) and rows[0]["val_perplexity"] < WORDS
    assert rows[-1]["val_perplexity"] == pytest.approx(np.exp(rows[-1]["val_loss"]))
    assert rows[-1]["tokens_per_s"] == pytest.approx(64 * rows[-1]["samples_per_s"])
    assert run.manifest.training_results["final_val_perplexity"] == rows[-1]["val_perplexity"]
    text = (folder / "report.md").read_text()
    assert "Best validation perplexity" in text and "tokens/s" in text
    said = json.loads((folder / "completions.json").read_text())
    assert "## Completions" in text and len(said) == 3
    assert all(one["prompt"] for one in said) and any(one["before"] != one["after"] for one in said)


    model = AutoModelForCausalLM.from_pretrained(folder / "model")
    tokenizer = AutoTokenizer.from_pretrained(folder / "model")
    assert model.config.use_cache
    best = torch.load(max(folder.glob("checkpoints/*")) / "model.pt", weights_only=True)
    held = model.state_dict()
    assert all(torch.equal(best[name], held[name]) for name in best)
    given = tokenizer(said[0]["prompt"], return_tensors="pt")
    made = model.generate(**given, max_new_tokens=8, do_sample=False)
    new = tokenizer.decode(made[0, given["input_ids"].shape[1] :], skip_special_tokens=True)
    assert said[0]["after"].startswith(new)


def test_resume_is_exact(learned: Any) -> None:
    """Stopped within an epoch and resumed by its folder alone, it ends as a run that was never stopped."""
    whole, folder, _ = learned
    run = planned(plain()).start()
    run.stop()
    run.wait(120)
    assert 0 < run.progress.step < whole.progress.step and run.progress.batch
    chosen = command("resume")
    again = chosen.run(parse(chosen, [run.id]), Context()).start().wait(120)
    assert str(again.status) == "completed" and again.progress.step == whole.progress.step
    first, second = (
        torch.load(max(one.glob("checkpoints/*")) / "model.pt", weights_only=True)
        for one in (folder, again.dir)
    )
    assert all(torch.equal(first[name], second[name]) for name in first)
    losses = [one.epochs[["train_loss", "val_loss", "val_perplexity"]].to_numpy() for one in (whole, again)]
    assert np.array_equal(*losses)
    assert (folder / "completions.json").read_text() == (again.dir / "completions.json").read_text()


def test_adapters_and_gradient_checkpointing(base: Path) -> None:
    """With LoRA adapters alone learn, gradients checkpointed; peft puts what is left on the base."""
    from peft import AutoPeftModelForCausalLM

    text = paired(
        "num_epochs: 1", model=", lora: {rank: 4, dropout: 0.1}, gradient_checkpointing: true",
        data=", completions_only: true",
    )  # fmt: skip
    run = planned(text)
    told = {line.label: line.value for line in run.plan.lines}
    assert "weights are trained" in told["LoRA"] and "completions only" in told["Training texts"]
    assert told["Gradient checkpointing"].startswith("on")
    model = run.plan.work.model
    before = {name: one.clone() for name, one in model.state_dict().items()}
    run.start().wait(120)
    assert str(run.status) == "completed", run.error
    changed = {name for name, one in model.state_dict().items() if not torch.equal(one, before[name])}
    assert changed and all("lora_" in name for name in changed)
    assert all(one.p == 0.1 for name, one in model.named_modules() if name.endswith("lora_dropout.default"))
    left = {one.name for one in (run.dir / "model").iterdir()}
    assert "adapter_model.safetensors" in left and "model.safetensors" not in left
    loaded = AutoPeftModelForCausalLM.from_pretrained(run.dir / "model").state_dict()
    assert all(torch.equal(loaded[name], model.state_dict()[name]) for name in changed)


def test_the_loss_is_that_of_transformers(work: Any) -> None:
    """The loss of a batch is what the model computes itself; a validation weighs batches by their tokens."""
    batches = list(work.val_loader)
    total = tokens = 0.0
    with torch.no_grad():
        for batch in batches:
            n = int((batch["labels"][:, 1:] != -100).sum())
            own = float(work.model.eval()(**batch).loss)
            assert float(work.task.loss(work.model, batch)[0]) == pytest.approx(own, rel=1e-5)
            total, tokens = total + own * n, tokens + n
    found = work.judge.evaluate(batches, wanted=lambda: True)
    assert found["val_loss"] == pytest.approx(total / tokens, rel=1e-5)


def test_accumulation_is_one_large_batch(work: Any) -> None:
    """Micro-batches, and pieces cut for memory, give the gradients of one batch, whatever they count."""
    from nbtrain.train.precision import choose_precision
    from nbtrain.train.step import Stepper

    data = work.train_loader.dataset
    rows = sorted((data[i] for i in range(12)), key=lambda row: int((row["labels"] != -100).sum()))
    parts, large = (data.collate(rows[:6]), data.collate(rows[6:])), data.collate(rows)
    found = []
    for group, most in (((large,), None), (parts, None), ((large,), 5)):
        stepper = Stepper(
            work.model, torch.optim.SGD(work.model.parameters(), lr=0.0), task=work.task,
            precision=choose_precision("32", work.device), device=work.device,
        )  # fmt: skip
        stepper.pieces.most = most
        taken = stepper.step(group, 1, 0.0)
        found.append((taken.loss, [p.grad.clone() for p in work.model.parameters()]))
    for loss, gradients in found[1:]:
        assert torch.allclose(loss, found[0][0], rtol=1e-5)
        assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(gradients, found[0][1], strict=True))


def test_packed_texts_are_predicted_once() -> None:
    """Packed texts fill their windows, and every token but the very first is predicted exactly once."""
    rows = [{"text": "The man " * n} for n in (3, 40, 1, 25)]
    data = texts(*rows, max_seq_length=16)
    shown, stream = [], []
    for row in rows:
        stream += [*data._tokenizer(row["text"])["input_ids"], 1]
    for i in range(len(data)):
        ids, labels = data[i]["input_ids"], data[i]["labels"]
        assert len(ids) == 16
        shown += ids[1:][labels[1:] != -100].tolist()
    assert shown == stream[1:]
    assert set(data.collate([data[0], data[1]])) == {"input_ids", "labels"}
    assert (data.tally.texts, data.tally.tokens) == (4, len(stream))


def test_prompts_and_completions() -> None:
    """The loss is on the whole text, on completions alone where asked for, and never on what fills up."""
    rows = [
        {"prompt": "What is it?", "completion": " A gem."},
        {"prompt": "Who", "completion": " Holmes " * 9},
    ]
    whole, only = texts(*rows, max_seq_length=64), texts(*rows, max_seq_length=64, completions_only=True)
    assert asked(whole) == "What is it? A gem.</s>" and asked(only) == " A gem.</s>"
    batch = only.collate([only[0], only[1]])
    length = len(only[0]["input_ids"])
    assert batch["attention_mask"][0].sum() == length and (batch["labels"][0, length:] == -100).all()
    assert texts(*rows, max_seq_length=8, packing=True).way.packs
    cut = texts(*rows, {"prompt": "word " * 30, "completion": "x"}, max_seq_length=8, completions_only=True)
    assert (len(cut), cut.tally.left_out, cut.tally.cut) == (2, 1, 3)


def test_chats() -> None:
    """A chat becomes a text by its template; answers are predicted with their ends; other roles are read."""
    row = chat("Who is it?", "Moran.", "Where?", "In the empty house.")
    whole, only = texts(row, max_seq_length=64), texts(row, max_seq_length=64, completions_only=True)
    assert asked(whole).startswith("<s>user\nWho is it?</s>\n<s>assistant\nMoran.</s>")
    assert asked(only) == "Moran.</s>\nIn the empty house.</s>\n"
    assert only.questions[0].text.endswith("Where?</s>\n<s>assistant\n")
    assert only.questions[0].expected == "In the empty house."
    other = {"conversations": [{"from": "human", "value": "Who?"}, {"from": "gpt", "value": "Moran."}]}
    assert asked(texts(other, max_seq_length=64, completions_only=True)) == "Moran.</s>\n"


def test_samples_are_made_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same file, tokenizer and settings are read from disk; another text or length is made anew."""
    rows = [{"text": "The adventure of the empty house. " * 9}]
    first = texts(*rows, max_seq_length=16)
    monkeypatch.setattr("nbtrain.configured.language.samples.encoded", None)  # making them would fail
    second = texts(*rows, max_seq_length=16)
    assert torch.equal(first[1]["input_ids"], second[1]["input_ids"]) and first.tally == second.tally
    for others, length in (([{"text": "Another text. " * 20}], 16), (rows, 17)):
        with pytest.raises(TypeError):
            texts(*others, max_seq_length=length)


@pytest.mark.parametrize(
    ("rows", "settings", "said"),
    [
        ([{"text": "a"}, {"text": 5}], {}, "line 2.*`text` with a text"),
        ([{"titel": "a"}], {}, "line 1.*It has `titel`|`titel`"),
        ([{"text": "some words"}], {"completions_only": True}, "plain texts"),
        ([{"text": "some words"}], {"max_seq_length": 65}, "at most 64"),
        ([chat("Who?"), {"messages": "Moran"}], {}, "line 2.*list of messages"),
        ([{"prompt": "a " * 99, "completion": "b"}], {"completions_only": True}, "nothing to predict"),
    ],
)
def test_texts_that_cannot_be_used(rows: list[Any], settings: dict[str, Any], said: str) -> None:
    """What cannot be learned from is refused in words, with its line."""
    with pytest.raises(InvalidConfig) as caught:
        texts(*rows, **settings)
    assert re.search(said, f"{caught.value} {caught.value.suggestion}")


def test_bases_that_cannot_be_used(base: Path) -> None:
    """A hub's name offline, half a folder and a missing chat template are told, and nothing is on disk."""
    with pytest.raises(UsageError, match="name of the hub"):
        planned(plain().replace("base_checkpoint: base", "base_checkpoint: org/small"))
    Path("half").mkdir()
    Path("half/config.json").write_text((base / "config.json").read_text())
    with pytest.raises(UsageError, match="cannot be loaded"):
        planned(plain().replace("base_checkpoint: base", "architecture: hf:half"))
    Path("bare").mkdir()
    for one in base.iterdir():
        if one.name != "chat_template.jinja":
            (Path("bare") / one.name).symlink_to(one)
    lines("chats.jsonl", chat("Who?", "Moran."))
    text = plain().replace("base_checkpoint: base", "base_checkpoint: bare")
    text = text.replace("train.jsonl", "chats.jsonl")
    with pytest.raises(InvalidConfig, match="no chat template"):
        planned(text)
    assert not Path("runs").exists()


def test_validate_knows_the_base(base: Path) -> None:
    """A check holds settings against the base, and warns of rates that unlearn and of what means nothing."""
    told = check_text(plain().replace("max_seq_length: 64", "max_seq_length: 100"), Place(Path.cwd()))
    assert [one.field for one in told.errors] == ["data.max_seq_length"]
    assert [one.field for one in told.warnings] == ["training.hyperparameters.learning_rate"]
    named = plain().replace("base_checkpoint: base", "base_checkpoint: base, architecture: llama")
    assert check_text(named, Place(Path.cwd())).valid
    nothing = Place(Path.cwd(), names=frozenset(), packages=lambda name: False)
    assert not check_text(named.replace("llama", "gpt2x"), nothing).valid
    assert not check_text(plain().replace("9e-3", "1e-2"), Place(Path.cwd())).valid
    adapters = check_text(plain(model=", lora: {rank: 4}").replace("9e-3", "5e-4"), Place(Path.cwd()))
    assert adapters.valid and not adapters.warnings
    large = json.loads((base / "config.json").read_text())
    Path("large").mkdir()
    large |= {"hidden_size": 65536, "num_hidden_layers": 200}
    Path("large/config.json").write_text(json.dumps(large))
    Path("c.yaml").write_text(plain().replace("base_checkpoint: base", "base_checkpoint: large"))
    assert [one["error"] for one in nbtrain.validate("c.yaml").errors] == ["OutOfMemory"]
    other = check_text(plain(data=", packing: true").replace("base_checkpoint: base", "architecture: mlp"))
    assert any(one.field == "data.packing" for one in other.warnings)


def test_a_mode_has_a_rate_for_fine_tuning() -> None:
    """Where a mode gives the learning rate, weights that were trained before get 2e-5 and adapters 2e-4."""
    for more, rate in (("", 2e-5), (", lora: {rank: 2}", 2e-4)):
        text = plain(model=more).replace("learning_rate: 9e-3, ", "")
        checked = check_text(text, Place(Path.cwd()), supplied=supplied("production"))
        assert resolve(checked, mode="production").values["learning_rate"] == rate


def test_dry_run_shows_texts() -> None:
    """A dry run shows the first texts as the model sees them."""
    report = planned(plain(), "--dry-run", "--max-steps", "2", verb="plan").to_text()
    assert "input_ids: (8, 64) int64" in report and "Not as before" not in report
    assert re.search(r"\d\] ['\"].*[a-z]{4}", report), report
