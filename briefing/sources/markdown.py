"""Markdown articles with YAML front matter.

Known keys, each with its other names: `title` (headline), `standfirst` (description, summary),
`date` (published), `author` (byline), `section` (category), `url` (link, canonical), `image` (an
address, or a mapping of url, alt, width, height, credit), `embargo`, `language` (lang), `tags`,
`sources` (credits), `place`, `guid` (id). Others are left alone. Where `title` is missing, a
level-one heading that begins the text is the headline.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import yaml
from markdown_it import MarkdownIt

from briefing.errors import ArticleRefused
from briefing.model import Article, Image
from briefing.sources.intake import Intake
from briefing.sources.manuscript import Manuscript, to_article
from briefing.sources.text import paragraphs_of, text_of

_FRONT = re.compile(r"---[ \t]*\n(?P<front>.*?)(?:^|\n)(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_MAX_FRONT = 64_000  # characters
_MAX_TEXT = 500_000  # characters; the parser takes up to 15 s for a million hostile ones
_NOTHING = frozenset({"null", "~"})

_commonmark = MarkdownIt("commonmark").enable(["table", "strikethrough"])


def read_markdown(text: str, name: str, intake: Intake) -> Article:
    """The article in `text`. Raises `ArticleRefused` naming `name`, and the line at fault."""
    text = "\n".join(text.lstrip("\ufeff").splitlines()).lstrip("\n")
    front, body = _split(text, name)
    if len(body) > _MAX_TEXT:
        raise ArticleRefused(
            f"{name}: it is longer than {_MAX_TEXT:,} characters.", hint="Split the article."
        )
    tokens = _commonmark.parse(body)
    title = _word(front, "title", "headline")
    if len(tokens) > 2 and tokens[0].tag == "h1":
        heading = _commonmark.renderer.render(tokens[1:2], _commonmark.options, {})
        heading = text_of(heading)
        if not title or title.casefold() == heading.casefold():
            title, tokens = heading, tokens[3:]
    # Rendered and read back, so that markup, raw HTML and entities are treated as in a web page.
    markup = _commonmark.renderer.render(tokens, _commonmark.options, {})
    return to_article(
        Manuscript(
            headline=title,
            body=paragraphs_of(markup),
            standfirst=_word(front, "standfirst", "description", "summary"),
            byline=", ".join(_words(front, "author", "byline", "authors")),
            place=_word(front, "place"),
            section=_word(front, "section", "category"),
            url=_word(front, "url", "link", "canonical"),
            guid=_word(front, "guid", "id"),
            image=_image(front.get("image")),
            credits=_words(front, "sources", "source", "credits"),
            tags=_words(front, "tags", "keywords"),
            language=_word(front, "language", "lang"),
            published=_word(front, "date", "published"),
            embargo=_word(front, "embargo", "embargo_until"),
            strict=True,
        ),
        name,
        intake,
    )


def _split(text: str, name: str) -> tuple[Mapping[str, object], str]:
    if text.startswith("+++\n"):
        raise ArticleRefused(
            f"{name}: its front matter is TOML.", hint="Write it as YAML between lines of “---”."
        )
    match = _FRONT.match(text)
    if not match:
        if re.match(r"---[ \t]*\n[\w-]+:", text):
            raise ArticleRefused(
                f"{name}: the front matter does not end.", hint="Close it with a line of “---”."
            )
        return {}, text
    if len(match["front"]) > _MAX_FRONT:
        raise ArticleRefused(
            f"{name}: the front matter is longer than {_MAX_FRONT} characters.",
            hint="Move the story below the second line of “---”.",
        )
    return _front_matter(match["front"], name), text[match.end() :]


def _front_matter(front: str, name: str) -> Mapping[str, object]:
    hint = "Write “key: value” lines; put a value with a colon in quotes."
    try:
        # BaseLoader makes nothing but strings, lists and mappings: a title "No" or "12:30" stays
        # as it is, and no tag in the file can name a Python type.
        fields = yaml.load(front, Loader=yaml.BaseLoader)  # noqa: S506
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 2 if error.problem_mark else 1
        raise ArticleRefused(
            f"{name}, line {line}: the front matter is not YAML: {error.problem}.", hint=hint
        ) from error
    except (yaml.YAMLError, RecursionError, ValueError) as error:
        raise ArticleRefused(f"{name}: the front matter is not YAML.", hint=hint) from error
    if fields is None or fields == "":
        return {}
    if not isinstance(fields, dict):
        raise ArticleRefused(f"{name}: the front matter has no keys.", hint=hint)
    return {key.lower(): value for key, value in fields.items() if isinstance(key, str)}


def _word(fields: Mapping[str, object], *keys: str) -> str:
    """The first of `keys` that holds a word; lists and mappings do not count."""
    for key in keys:
        value = fields.get(key)
        if isinstance(value, str) and value.strip() and value.strip().lower() not in _NOTHING:
            return value
    return ""


def _words(fields: Mapping[str, object], *keys: str) -> list[str]:
    """The first of `keys` that holds anything: a word, a comma-joined line, or a list of them."""
    for key in keys:
        value = fields.get(key)
        listed = value if isinstance(value, list) else [value]
        if words := [word for item in listed if (word := _name(item))]:
            return words if isinstance(value, list) else re.split(r"\s*[,;]\s*", words[0])
    return []


def _name(item: object) -> str:
    if isinstance(item, dict):
        return _word(item, "name", "title")
    return _word({"": item}, "")


def _image(value: object) -> Image | None:
    if isinstance(value, str):
        value = {"url": value}
    if not isinstance(value, dict):
        return None
    width, height = (_pixels(_word(value, key)) for key in ("width", "height"))
    return Image(
        url=_word(value, "url", "src", "href"),
        alt=_word(value, "alt"),
        width=width,
        height=height,
        credit=_word(value, "credit"),
    )


def _pixels(word: str) -> int:
    digits = word.strip().removesuffix("px").strip()
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) < 6 else 0
