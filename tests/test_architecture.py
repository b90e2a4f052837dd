"""The rules of the design that code can break without any other test noticing."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
MAX_LINES = 400
TEXT_SUFFIXES = (".py", ".md", ".toml", ".json", ".txt", ".svg", ".cfg", ".yml", ".yaml")

QT = ("PySide6", "shiboken6", "pyqtgraph")
TORCH = ("torch", "spconv", "cumm")

TORCH_FREE = (
    "adsnet.benchmark_report", "adsnet.cli", "adsnet.commands.evaluate", "adsnet.commands.info", "adsnet.config",
    "adsnet.conventions",
    "adsnet.detectors.aadcdd", "adsnet.detectors.lef", "adsnet.detectors.parameters", "adsnet.detectors.protocol",
    "adsnet.detectors.registry", "adsnet.detectors.thresholds", "adsnet.detectors.tllcm", "adsnet.detectors.tophat",
    "adsnet.detectors.tuning", "adsnet.detectors.windows",
    "adsnet.diagnosis", "adsnet.errors", "adsnet.evaluation", "adsnet.messages", "adsnet.metrics", "adsnet.model_file",
    "adsnet.normalise", "adsnet.prediction", "adsnet.processes", "adsnet.recipes", "adsnet.resources", "adsnet.sweep",
    "adsnet.targets", "adsnet.uncertainty",
)  # fmt: skip
"""Together with ``adsnet.data`` and ``adsnet.storage``: what the window may import, and what starts at once."""

# File: what it writes without ``adsnet.storage.atomic``, and why that is right.
WRITERS = {
    "adsnet/training/log.py": "the curve of a training, one line a step: appended, cut to the checkpoint on resuming",
    "adsnet/cli.py": "the null device, in the place of an output whose reader is gone",
    "adsnet/commands/doctor.py": "a temporary file without a name, to see whether a folder can be written",
    "app/storage/journal.py": "edits between two saves: appended, with a checksum for each",
    "app/bootstrap.py": "place and size of the window, which Qt writes into a file of its own",
}


def sources(*folders: str) -> list[Path]:
    """The Python files of packages, as paths relative to the root."""
    return sorted(p.relative_to(ROOT) for folder in folders for p in (ROOT / folder).rglob("*.py"))


PRODUCT = [*sources("adsnet", "app", "resources"), Path("main.py")]


def tree_of(path: Path) -> ast.Module:
    return ast.parse((ROOT / path).read_text("utf-8"), str(path))


def name_of(path: Path) -> str:
    """``adsnet/data/__init__.py`` is ``adsnet.data``."""
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Every module that is imported anywhere in the code, also inside functions; ``from a import b`` as ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, packages: tuple[str, ...]) -> bool:
    return any(name == package or name.startswith(f"{package}.") for package in packages)


def wrong_imports(paths: list[Path], forbidden: tuple[str, ...]) -> list[str]:
    return [f"{p}: {name}" for p in paths for name in imports_of(tree_of(p)) if within(name, forbidden)]


def test_the_rules_look_at_something() -> None:
    assert len(sources("adsnet")) > 40 and len(sources("app")) > 40
    assert "torch.nn" in set(imports_of(ast.parse("def f():\n    from torch import nn")))
    assert within("torch.nn", TORCH) and not within("torchvision_like", TORCH)


# ---- who may import whom ------------------------------------------------------------------------------------


def test_the_library_knows_no_window() -> None:
    assert wrong_imports(sources("adsnet"), ("app", *QT)) == []


def test_the_window_never_imports_torch() -> None:
    assert wrong_imports([*sources("app"), Path("main.py")], TORCH) == []


def test_the_window_imports_only_the_torch_free_part_of_the_library() -> None:
    allowed = (*TORCH_FREE, "adsnet.data", "adsnet.storage")
    wrong = [
        f"{path}: {name}"
        for path in [*sources("app"), Path("main.py")]
        for name in imports_of(tree_of(path))
        if within(name, ("adsnet",)) and name != "adsnet" and not within(name, allowed)
    ]
    assert wrong == []


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("app/views", ("app.engine", "app.storage", "app.bootstrap")),
        ("app/state", ("app.engine", "app.views", "app.actions", "app.bootstrap", "PySide6.QtWidgets", "pyqtgraph")),
        ("app/imaging", ("app.state", "app.views", "app.actions", "app.engine", "app.storage", "app.bootstrap", *QT)),
        ("app/storage", ("app.state", "app.views", "app.actions", "app.engine", "app.bootstrap", "PySide6.QtWidgets")),
        ("app/engine", ("app.views", "app.actions", "app.bootstrap", "PySide6.QtWidgets", "pyqtgraph")),
        ("app/actions", ("app.views", "app.engine", "app.bootstrap", "pyqtgraph")),
    ],
)
def test_layers_of_the_window(folder: str, forbidden: tuple[str, ...]) -> None:
    paths = sources(folder)
    assert paths and wrong_imports(paths, forbidden) == []


def test_package_files_are_empty() -> None:
    """An import of one module must not pay for all the others."""
    assert [str(p) for p in PRODUCT if p.name == "__init__.py" and tree_of(p).body[1:]] == []


def first_imports(path: Path) -> set[str]:
    """What a module of the library imports when it is imported itself: not what its functions import."""
    found: set[str] = set()
    todo: list[ast.AST] = [tree_of(path)]
    while todo:
        for node in ast.iter_child_nodes(todo.pop()):
            if isinstance(node, ast.Import | ast.ImportFrom):
                found.update(imports_of(ast.Module([node], [])))
            elif not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
                todo.append(node)
    return found


def reaches_torch(modules: dict[str, Path], name: str, seen: set[str]) -> bool:
    if name in seen or name not in modules:
        return within(name, TORCH)
    seen.add(name)
    targets = {t for n in first_imports(modules[name]) for t in (n, n.rpartition(".")[0])}
    return any(within(t, TORCH) or reaches_torch(modules, t, seen) for t in targets)


def test_modules_that_call_themselves_torch_free_are() -> None:
    modules = {name_of(p): p for p in sources("adsnet")}
    free = {n for n in modules if n in TORCH_FREE or within(n, ("adsnet.data", "adsnet.storage"))}
    said = {n for n, p in modules.items() if re.search("torch-free", ast.get_docstring(tree_of(p)) or "", re.I)}
    assert set(TORCH_FREE) <= set(modules) and said <= free
    assert [name for name in sorted(free) if reaches_torch(modules, name, set())] == []
    assert reaches_torch(modules, "adsnet.worker", set())  # the search finds what is there


def loaded(statement: str) -> list[str]:
    """Which of torch, spconv and Qt a new process has loaded after ``statement``."""
    code = f"import sys\n{statement}\nprint(*(m for m in ('torch', 'spconv', 'PySide6') if m in sys.modules))"
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "QT_QPA_PLATFORM": "offscreen"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=ROOT, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


def test_importing_the_torch_free_part_loads_neither_torch_nor_qt() -> None:
    modules = [n for n in map(name_of, sources("adsnet")) if n in TORCH_FREE or within(n, ("adsnet.data",))]
    assert loaded(f"import {', '.join(modules)}") == []


def test_importing_the_whole_window_does_not_load_torch() -> None:
    modules = [name_of(p) for p in sources("app")]
    assert "app.bootstrap" in modules and loaded(f"import {', '.join(modules)}") == ["PySide6"]


def test_main_imports_qt_only_when_it_is_run() -> None:
    assert loaded("import main") == []


# ---- what modules look like ---------------------------------------------------------------------------------


def test_no_module_is_long() -> None:
    lines = {str(p): len((ROOT / p).read_text("utf-8").splitlines()) for p in PRODUCT}
    assert {name: count for name, count in lines.items() if count > MAX_LINES} == {}
    assert lines["main.py"] < 40


def test_nothing_names_a_place_on_one_machine() -> None:
    place = re.compile(r"(?<![\w.:/-])(/(work|home|root|srv|opt|Users|mnt)/\w|[A-Z]:\\\w)")
    assert place.search('open("/home/x")') and place.search(r"C:\Users") and not place.search("https://a.b/home/c")
    wrong = [
        f"{path.relative_to(ROOT)}:{number}: {line.strip()[:80]}"
        for path in text_files()
        for number, line in enumerate(path.read_text("utf-8", "replace").splitlines(), 1)
        if place.search(line) and path != Path(__file__).resolve()
    ]
    assert wrong == []


def text_files() -> Iterator[Path]:
    """The text of the project, without what tools leave in the checkout."""
    for folder, below, files in os.walk(ROOT):
        below[:] = [
            d for d in below if d in (".ci", ".github") or not d.startswith((".", "__pycache__", "build", "dist"))
        ]
        yield from (Path(folder) / f for f in files if f.endswith(TEXT_SUFFIXES) or folder.endswith(".ci"))


# ---- who writes files ---------------------------------------------------------------------------------------

# Calls that write a file whatever they are called on.
WRITING = {
    "write_text", "write_bytes", "imwrite", "imwritemulti", "imsave", "tofile", "savez", "savez_compressed", "savetxt",
    "save_file", "mkstemp", "NamedTemporaryFile", "TemporaryFile", "copyfile", "copy2", "copytree", "exportToFile",
}  # fmt: skip
# Calls that write when they are called on one of these; into a BytesIO they may.
SAVING = {"save", "dump"}
SAVERS = re.compile(r"^(np|numpy|torch|pickle|json|cv2|Image\..*|.*\b(image|pixmap|figure)|.*\.(grab|toImage)\(.*\))$")
QT_FILES = {"QFile", "QSaveFile", "QSettings", "QTemporaryFile", "QTextStream", "QDataStream"}
WRITE_FLAGS = {"O_WRONLY", "O_RDWR", "O_CREAT", "O_APPEND", "O_TRUNC"}


def writes_of(tree: ast.AST) -> list[str]:
    """Every place in the code that may write a file otherwise than by ``write_bytes(path, …)`` and its like."""
    in_memory = {
        target.id
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign) and ast.unparse(node.value) in ("io.BytesIO()", "BytesIO()")
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and _is_write(node, in_memory):
            found.append(f"{node.lineno}: {ast.unparse(node)[:80]}")
        elif isinstance(node, ast.Attribute) and node.attr in WRITE_FLAGS:
            found.append(f"{node.lineno}: {node.attr}")
    return found


def _is_write(call: ast.Call, in_memory: set[str]) -> bool:
    function = call.func
    if isinstance(function, ast.Name):
        return function.id in QT_FILES or (function.id == "open" and _opens_for_writing(call, 1))
    if not isinstance(function, ast.Attribute):
        return False
    if function.attr in QT_FILES:
        return True
    receiver = ast.unparse(function.value)
    if function.attr == "open":
        return receiver not in ("os", "Image") and _opens_for_writing(
            call, 1 if receiver in ("io", "av") else 0, method=True
        )
    if function.attr in WRITING:
        return True
    if receiver == "shutil" and function.attr in ("copy", "move"):
        return True
    to_memory = any(isinstance(a, ast.Name) and a.id in in_memory for a in call.args)
    return function.attr in SAVING and bool(SAVERS.match(receiver)) and not to_memory


def _opens_for_writing(call: ast.Call, place: int, *, method: bool = False) -> bool:
    """Whether the mode, argument ``place`` or by name, is one that writes; of the built-in also one that varies."""
    given = [k.value for k in call.keywords if k.arg == "mode"] + call.args[place : place + 1]
    if not given:
        return False
    if isinstance(given[0], ast.Constant) and isinstance(given[0].value, str):
        return re.fullmatch("[rbt]+", given[0].value) is None and set(given[0].value) <= set("rwxabt+")
    return not method


@pytest.mark.parametrize("path", [p for p in PRODUCT if p != Path("adsnet/storage/atomic.py")], ids=str)
def test_files_are_written_by_the_one_writer_only(path: Path) -> None:
    found = writes_of(tree_of(path))
    if path.as_posix() in WRITERS:
        assert found, "this file writes nothing any more: take it off the list"
    else:
        assert found == []


@pytest.mark.parametrize(
    "code",
    [
        'open("a", "w")', 'open("a", mode="ab")', 'open("a", "r+")', "open(a, mode)", 'path.open("wb")',
        'path.open(mode="x")', 'io.open("a", "w")', 'path.write_text("x")', "path.write_bytes(b)",
        'cv2.imwrite("a", x)',
        'np.save("a", x)', 'np.savez("a", x=x)', 'torch.save(x, "a.pt")', "torch.save(x, path)", "json.dump(x, stream)",
        "shutil.copy(a, b)", "shutil.move(a, b)", "x.tofile(a)", 'Image.fromarray(x).save("a.png")', 'image.save("a")',
        'widget.grab().save("a.png")', "QSaveFile(a)", "QtCore.QSettings(a)", "os.open(a, os.O_WRONLY)",
        "tempfile.mkstemp()", 'safetensors.numpy.save_file(x, "a")',
    ],
)  # fmt: skip
def test_the_search_for_writers_finds_them(code: str) -> None:
    assert writes_of(ast.parse(f"def f():\n    return {code}"))


@pytest.mark.parametrize(
    "code",
    [
        'open("a")', 'open("a", "rb")', "path.open()", 'path.open("rb")', "write_bytes(path, data)", "session.save()",
        "stream = io.BytesIO()\ntorch.save(x, stream)", 'b = io.BytesIO()\nImage.fromarray(x).save(b, format="PNG")',
        "painter.save()", "os.open(a, os.O_RDONLY)", 'av.open(f, mode="r")', "copy.copy(x)", "image.copy()",
        "opener.open(paths)",
        "Image.open(stream, formats=[])", "data = safetensors.numpy.save(arrays, metadata)", "self._open(stem, path)",
    ],
)  # fmt: skip
def test_the_search_for_writers_finds_nothing_else(code: str) -> None:
    assert writes_of(ast.parse(code)) == []
