"""``bssgw docs``: the interface reference, built from rows, schemas and samples, and packed for partners."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from gateway.cli.output import EXIT_HELP, CommandFailed, Exit, emit, listed
from gateway.cli.settings import json_option

if TYPE_CHECKING:
    from gateway.reference.page import Book, Language
    from schemas.loader import Catalogue


@click.group(epilog=EXIT_HELP)
def docs() -> None:
    """接口参考：由数据生成。The interface reference, built from the data.

    \b
    例 Example:  bssgw docs build --out reference
    """


@docs.command(epilog=EXIT_HELP)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="写入此文件夹。Write into this folder.")
@click.option("--zip", "archive", type=click.Path(path_type=Path, dir_okay=False), help="打包给伙伴。Pack for partners.")
@click.option(
    "--lang", "language", type=click.Choice(["zh", "en", "both"]), default="both", show_default=True,
    help="语言；both 可切换。Language; both has a switch.",
)  # fmt: skip
@click.option(
    "--check", is_flag=True, help="只检查，不写：链接、格式、与 --out 是否一致。Check only: links, form, and --out if given."
)
@json_option
@click.pass_context
def build(ctx: click.Context, out: Path | None, archive: Path | None, language: Language, check: bool, as_json: bool) -> None:
    """生成接口参考：一个离线 HTML 文件（可搜索、可切换语言）、Markdown、XSD、WSDL、样例与样例报文。Build the interface
    reference: one HTML file that needs no network (search, language switch), Markdown, XSDs, WSDLs, samples and packets.

    \b
    例 Examples:
      bssgw docs build --out reference          # 打开 open reference/index.html
      bssgw docs build --zip bss-interface.zip  # 交给伙伴 hand it to a partner
      bssgw docs build --check                  # 全部链接与内容 every link and page
    """
    if out is None and archive is None and not check:
        raise CommandFailed(Exit.USAGE, "请给出 --out、--zip 或 --check", "say --out, --zip or --check")
    from gateway.reference.bundle import files_of
    from gateway.reference.proofread import differences, findings

    catalogue, book = _read()
    files = files_of(catalogue, book, language)
    wrong = list(findings(files))
    if check and out is not None:
        wrong += differences(files, out)
    written = [] if check or wrong else _written(files, out, archive)
    value = {
        "ok": not wrong, "pages": len(book.pages), "files": len(files), "bytes": sum(map(len, files.values())),
        "written": written, "findings": [{"where": where, "zh": zh, "en": en} for where, zh, en in wrong],
    }  # fmt: skip

    def people() -> None:
        listed([f"{where}: {zh} / {en}" for where, zh, en in wrong])
        click.echo(f"{len(book.pages)} 页 pages, {len(files)} 个文件 files{''.join(f' → {path}' for path in written)}")

    emit(as_json, value, people)
    if wrong:
        ctx.exit(Exit.FAILED)


def _read() -> tuple[Catalogue, Book]:
    from gateway.reference.book import book_of
    from schemas.loader import load
    from schemas.rows import SchemaDataError

    try:
        catalogue = load()
        return catalogue, book_of(catalogue)
    except SchemaDataError as fault:
        raise CommandFailed(Exit.FAILED, f"报文目录不可用：{fault.where} {fault.zh}", f"{fault.where}: {fault.en}") from fault
    except LookupError as fault:
        zh, _, en = str(fault).partition(" / ")
        raise CommandFailed(Exit.FAILED, f"{zh}，请运行 bssgw schema verify", f"{en}: run bssgw schema verify") from fault


def _written(files: dict[str, bytes], out: Path | None, archive: Path | None) -> list[str]:
    from gateway.reference.bundle import write_folder, zipped

    try:
        if out is not None:
            write_folder(files, out)
        if archive is not None:
            archive.write_bytes(zipped(files))
    except OSError as fault:
        raise CommandFailed(Exit.FAILED, f"无法写入：{fault}", f"cannot write: {fault}") from fault
    return [str(path) for path in (out, archive) if path is not None]
