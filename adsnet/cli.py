"""The command line ``adsnet``: its arguments. What the commands do is in ``adsnet.commands``.

Exit status: 0 all went well; 2 an error (one line ``adsnet: error: …`` on stderr each); 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from adsnet.config import ENGINES, NETWORKS, PRECISIONS, Sparsity
from adsnet.errors import AdsnetError, Interrupted
from adsnet.heap import keep_freed_memory
from adsnet.recipes import NAMED_CONFIGS, PLANS
from adsnet.storage.files import shown

if TYPE_CHECKING:
    from adsnet.data.raw import RawLayout


INTERRUPTED = 130
"""Exit status of what Ctrl+C ended, as of shells."""

RAW_FORM = "WIDTHxHEIGHT,TYPE[,big][,offset=N][,row-gap=N][,frame-gap=N]"
RAW_HELP = "how the values lie in files without a header"


class LineParser(argparse.ArgumentParser):
    """Says what is wrong in one line, without the usage. Options are written out, so that new ones break no script."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings, allow_abbrev=False)

    def error(self, message: str) -> NoReturn:
        print_error(f"{message}; see '{self.prog} --help'")
        raise SystemExit(2)


class _AddData(argparse.Action):
    """``--data DIR`` starts an entry, ``--split FILE`` belongs to the entry before it."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: str | Sequence[Any] | None,
        option_string: str | None = None,
    ) -> None:
        entries: list[tuple[Path, Path | None]] = list(namespace.data or [])
        assert isinstance(values, Path)
        if option_string == "--data":
            entries.append((values, None))
        elif not entries or entries[-1][1] is not None:
            parser.error("--split must follow the --data that it belongs to")
        else:
            entries[-1] = (entries[-1][0], values)
        namespace.data = entries


def _thresholds(text: str) -> tuple[float, float]:
    """``A`` for both stages, or ``A,B`` for one each."""
    try:
        stage3, stage2 = map(float, text.split(",") if "," in text else (text, text))
    except ValueError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not one probability or two, as 0.5 or 0.5,0.3") from error
    return stage3, stage2


def print_error(text: str) -> None:
    """One line on stderr; what a terminal cannot show, or would obey, is escaped."""
    sys.stderr.write(shown(" ".join(f"adsnet: error: {text}".split())) + "\n")


def build_parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    parser = LineParser(prog="adsnet", description="Infrared small-target detection with ADSNet.")
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=LineParser)

    predict = commands.add_parser("predict", help="write masks and targets of images, folders and videos")
    predict.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="image, folder, video or data set")
    predict.add_argument("--out", type=Path, required=True, metavar="DIR", help="for masks/ and predictions.json")
    _add_raw_option(predict)
    _add_model_options(predict, precision="auto")

    evaluate = commands.add_parser("evaluate", help="score a model or saved masks on a labelled data set")
    _add_data_options(evaluate)
    _add_raw_option(evaluate)
    evaluate.add_argument("--predictions", type=Path, metavar="DIR", help="score the masks of 'adsnet predict' instead")
    evaluate.add_argument("--json", type=Path, metavar="FILE", help="write the figures as JSON")
    evaluate.add_argument(
        "--conventions",
        nargs="+",
        default=["standard"],
        metavar="WORD",
        help="how frames are counted: standard, acm, dnanet, pyirstd, dtum and/or key=value (matching=optimal)",
    )
    evaluate.add_argument(
        "--curve", nargs="+", type=float, default=[], metavar="T", help="Pd and Fa at these thresholds too"
    )
    _add_model_options(evaluate, precision="fp32")  # so that figures of different machines can be compared

    train = commands.add_parser("train", help="train or fine-tune a model")
    _add_data_options(train)
    train.add_argument(
        "--background", type=Path, action="append", default=[], metavar="DIR", help="frames without any target"
    )
    train.add_argument("--out", type=Path, required=True, metavar="DIR", help="folder of the run")
    train.add_argument("--detector", choices=NETWORKS, help="the network to train; adsnet, or that of --init")
    how = train.add_mutually_exclusive_group()
    how.add_argument("--plan", choices=list(PLANS), help="the configurations that made a shipped model, from nothing")
    how.add_argument(
        "--config",
        action="append",
        metavar="FILE",
        help=f"JSON file, or one of: {', '.join(sorted(NAMED_CONFIGS))}; a second one goes on from the first",
    )
    train.add_argument("--init", metavar="FILE", help="model file to start from")
    train.add_argument("--iterations", type=int, metavar="N", help="overrides every configuration")
    train.add_argument("--resume", action="store_true", help="go on from the newest checkpoint in --out")
    train.add_argument("--json-events", action="store_true", help="print every event as one JSON line")

    benchmark = commands.add_parser("benchmark", help="time networks and engines on this machine")
    benchmark.add_argument("--json", type=Path, metavar="FILE", help="write all figures as JSON")
    benchmark.add_argument("--markdown", type=Path, metavar="FILE", help="write the table")
    benchmark.add_argument("--chart", type=Path, metavar="FILE", help="write a chart as SVG")
    benchmark.add_argument("--sizes", nargs="+", type=int, metavar="N", help="sides of the frames (256 512 1024)")
    benchmark.add_argument("--engines", nargs="+", choices=ENGINES)
    benchmark.add_argument("--detectors", nargs="+", metavar="NAME", help="adsnet, alcnet, dnanet, rdian (all, at 256)")
    benchmark.add_argument("--drop", nargs=2, type=float, metavar=("S3", "S2"), help="one pair of dropped fractions")
    benchmark.add_argument("--model", metavar="FILE", help="model file or name of a shipped model (adsnet-default)")
    benchmark.add_argument("--device", default="auto", choices=("auto", "cpu", "cuda"))
    benchmark.add_argument("--verbose", action="store_true", help="say what is being timed")

    compare = commands.add_parser("compare", help="the paper's tables and figures for several detectors")
    _add_data_options(compare)
    compare.add_argument("--out", type=Path, required=True, metavar="DIR", help="for tables, pictures and kept scores")
    compare.add_argument("--detectors", metavar="A,B,…", help="names; all methods and networks that have a model")
    compare.add_argument(
        "--model", action="append", default=[], metavar="NAME=FILE", help="model of a detector, or a name of your own"
    )
    compare.add_argument("--frames", nargs="+", default=[], metavar="STEM", help="frames to show; the worst ones")
    compare.add_argument("--rows", type=int, default=4, metavar="N", help="worst frames to show of each set (4)")

    reproduce = commands.add_parser("reproduce", help="the paper's tables and figures, trained at a budget of yours")
    reproduce.add_argument("--table", nargs="+", type=int, default=[], metavar="N", help="2 to 8")
    reproduce.add_argument("--figure", nargs="+", type=int, default=[], metavar="N", help="5 to 8")
    _add_data_options(reproduce)
    reproduce.add_argument("--out", type=Path, required=True, metavar="DIR", help="for runs, tables and pictures")
    reproduce.add_argument("--config", default="default", metavar="FILE", help="as of train; what is ablated is set")
    reproduce.add_argument("--iterations", type=int, metavar="N", help="of each training; overrides the configuration")
    reproduce.add_argument("--rows", type=int, default=4, metavar="N", help="frames of each set in figures (4)")

    info = commands.add_parser("info", help="show what a model file holds, or without one the detectors")
    info.add_argument("model", nargs="?", metavar="FILE", help="model file or name of a shipped model")
    info.add_argument("--json", action="store_true", help="print JSON")

    commands.add_parser("doctor", help="show versions, devices, engines and folders, for bug reports")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return the exit status."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # names of files need not be text
        sys.stdout.reconfigure(errors="backslashreplace")
    keep_freed_memory()
    try:
        options = build_parser().parse_args(arguments)
        command = importlib.import_module(f"adsnet.commands.{options.command}")
        return int(command.execute(options))
    except AdsnetError as error:
        print_error(str(error))
        return INTERRUPTED if isinstance(error, Interrupted) else 2
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output ended, as in "adsnet info FILE | head"
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1


def sparsity_of(options: argparse.Namespace) -> Sparsity:
    """The dropped fractions or the threshold of the options; the paper's fractions without either."""
    if options.keep_threshold is not None:
        return Sparsity(threshold=options.keep_threshold)
    return Sparsity(drop=tuple(options.drop)) if options.drop else Sparsity()


def _add_data_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--data", type=Path, action=_AddData, required=True, metavar="DIR", help="data set folder or manifest"
    )
    parser.add_argument(
        "--split", type=Path, action=_AddData, dest="data", metavar="FILE", help="stems to use, one a line"
    )


def _add_raw_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--raw", metavar="LAYOUT", help=f"{RAW_HELP}: {RAW_FORM}")


def raw_of(options: argparse.Namespace) -> RawLayout | None:
    """The layout that ``--raw`` names. Raises FrameError."""
    from adsnet.data.raw import RawLayout

    return None if options.raw is None else RawLayout.parse(options.raw)


def _add_model_options(parser: argparse.ArgumentParser, *, precision: str) -> None:
    parser.add_argument("--model", metavar="FILE", help="model file or name of a shipped model (adsnet-default)")
    parser.add_argument("--detector", metavar="NAME", help="adsnet, or that of --model; 'adsnet info' lists them all")
    parser.set_defaults(usual_precision=precision)  # None is told from what was asked for, which not all can do
    parser.add_argument("--engine", choices=ENGINES)
    parser.add_argument("--device", choices=("auto", "cpu", "cuda"))
    parser.add_argument(
        "--precision",
        choices=PRECISIONS,
        help=f"number type of the network; auto is the fast one where it is exact enough ({precision})",
    )
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--drop", nargs=2, type=float, metavar=("S3", "S2"), help="dropped fractions (0.25 0.5)")
    which.add_argument(
        "--keep-threshold",
        type=_thresholds,
        metavar="T[,T2]",
        help="keep patches with a probability above T; T2 is that of stage 2",
    )
