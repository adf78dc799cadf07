"""`edge template` and `edge setup`: fields that are found in a picture."""

from __future__ import annotations

from pathlib import Path

import click

from edge.commands.options import Command
from edge.commands.streams import say
from edge.errors import PictureError


@click.command(cls=Command)
@click.argument("picture", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    default=Path("form.toml"),
    show_default=True,
    metavar="FILE",
    help="Template to write; one that is there is left alone.",
)
@click.option(
    "--preview",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="PNG of the picture with the fields drawn on it.  [default: beside the template, as form-preview.png]",
)
def template(picture: Path, out: Path, preview: Path | None) -> None:
    """Propose the template of a form: find its rows of boxes, and draw them for you to name.

    PICTURE shows the form, best blank and scanned at 200 dpi or more, the right way up.
    """
    from edge.forms.template import write_template

    say(write_template(picture, out, preview or out.with_name(f"{out.stem}-preview.png")))


@click.command(cls=Command)
@click.argument("picture", metavar="PICTURE")
@click.option(
    "--out", type=click.Path(path_type=Path), metavar="FILE", help="Write the configuration there.  [default: stdout]"
)
@click.option(
    "--preview", type=click.Path(path_type=Path), metavar="FILE", help="Draw the boxes into FILE, a PNG, to look at."
)
def setup(picture: str, out: Path | None, preview: Path | None) -> None:
    """Propose a configuration for a meter from one photograph: rows of digit windows and dials, found by themselves.

    PICTURE may be a live source, such as camera: its picture is put beside the configuration first, as a PNG.
    """
    from edge.meters.propose import describe
    from edge.meters.setup import check_target, propose_fields, take_picture, text_for, write_preview, write_setup
    from edge.sources import is_live_uri

    if out:
        check_target(out)
    is_live = is_live_uri(picture)
    if is_live and out is None:
        raise click.UsageError(f"the picture of {picture} goes beside the configuration; name that: --out FILE")
    path = out.with_suffix(".png") if is_live and out else Path(picture)
    if is_live:
        take_picture(picture, path)
    try:
        proposal, colour = propose_fields(path)
    except PictureError:
        if is_live:
            path.unlink()  # so that the next try has the name
        raise
    if out:
        write_setup(proposal, path, out)
    else:
        click.echo(text_for(proposal, path, Path()), nl=False)
    if preview:
        write_preview(proposal, colour, preview)
    say(f"{path}: found {describe(proposal)}; look at the boxes before you trust them")
