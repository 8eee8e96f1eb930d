"""Wiki pages: HTML, and Markdown with front matter."""

from html import escape

import yaml

from api.demo.source import Block, Break, Code, Heading, Listing, Paragraph, Run, Source, Table, runs
from api.demo.words import COMPANY, labelled

_STYLE = (
    "body{font:16px/1.55 system-ui,sans-serif;color:#1c2733;max-width:52rem;margin:2rem auto;padding:0 1rem}"
    "h1{color:#12355b}h2{color:#12355b;border-bottom:1px solid #d5dde5;margin-top:2rem}"
    ".byline{color:#5a6b7b;font-size:.9rem}table{border-collapse:collapse;width:100%}"
    "th,td{border:1px solid #d5dde5;padding:.4rem .6rem;text-align:left;vertical-align:top}th{background:#eef3f7}"
    "pre{background:#f4f6f8;padding:.8rem;overflow:auto}blockquote{border-left:3px solid #1f8a8a;margin-left:0;padding-left:1rem}"
)
_TAGS = {"bold": "strong", "italic": "em", "code": "code"}


def _run(run: Run) -> str:
    text = escape(run.text, quote=False).replace("\n", "<br>\n")
    if run.style == "link":
        return f'<a href="{escape(run.href)}">{text}</a>'
    tag = _TAGS.get(run.style)
    return f"<{tag}>{text}</{tag}>" if tag else text


def inline(text: str) -> str:
    """A line of text as HTML."""
    return "".join(_run(run) for run in runs(text))


def _table(table: Table) -> str:
    head, *rows = table.rows
    lines = [
        "<table>",
        "<thead><tr>" + "".join(f"<th>{inline(cell)}</th>" for cell in head) + "</tr></thead>",
        "<tbody>",
    ]
    lines += ["<tr>" + "".join(f"<td>{inline(cell)}</td>" for cell in row) + "</tr>" for row in rows]
    return "\n".join([*lines, "</tbody>", "</table>"])


def _block(block: Block) -> str:
    match block:
        case Heading(level, text):
            return f"<h{level}>{inline(text)}</h{level}>"
        case Paragraph(text, quote):
            html = f"<p>{inline(text)}</p>"
            return f"<blockquote>{html}</blockquote>" if quote else html
        case Listing(items, ordered):
            tag = "ol" if ordered else "ul"
            return "\n".join([f"<{tag}>", *(f"<li>{inline(item)}</li>" for item in items), f"</{tag}>"])
        case Table():
            return _table(block)
        case Code(text):
            return f"<pre><code>{escape(text, quote=False)}</code></pre>"
        case Break():
            return "<hr>"


def html(source: Source) -> bytes:
    """The source as a page of the company's wiki."""
    space = source.name.partition("/")[0].capitalize()
    metas = {
        "author": ", ".join(writer.name for writer in source.authors),
        "description": source.subject,
        "keywords": ", ".join(source.keywords),
        "dcterms.created": source.created.isoformat(),
        "dcterms.modified": source.modified.isoformat(),
        "dcterms.creator": ", ".join(writer.address for writer in source.authors),
        "dcterms.identifier": source.reference,
    }
    by = "<br>\n".join(escape(line) for line in labelled(source))
    lines = [
        "<!DOCTYPE html>",
        f'<html lang="{source.language}">',
        "<head>",
        '<meta charset="utf-8">',
        f"<title>{escape(source.title)}</title>",
        *(f'<meta name="{name}" content="{escape(value)}">' for name, value in metas.items() if value),
        f"<style>{_STYLE}</style>",
        "</head>",
        "<body>",
        f"<header><p>{COMPANY} Wiki / {escape(space)}</p></header>",
        "<main>",
        f"<h1>{escape(source.title)}</h1>",
        f'<p class="byline">{by}</p>',
        *(_block(block) for block in source.blocks()),
        "</main>",
        f"<footer><p>{escape(source.reference)}</p></footer>",
        "</body>",
        "</html>",
    ]
    return ("\n".join(lines) + "\n").encode()


def markdown(source: Source) -> bytes:
    """The source as a page of a documentation repository: front matter and Markdown."""
    head: dict[str, object] = {
        "title": source.title,
        "author": [f"{writer.name} <{writer.address}>" for writer in source.authors],
    }
    for role, key in (("editor", "editor"), ("approver", "approved_by"), ("owner", "owner")):
        if names := source.roles.get(role):
            head[key] = [f"{writer.name} <{writer.address}>" for writer in names]
    head |= {
        "id": source.reference,
        "lang": source.language,
        "created": source.created.isoformat(),
        "updated": source.modified.isoformat(),
        "tags": list(source.keywords),
    }
    front = yaml.safe_dump(head, allow_unicode=True, sort_keys=False, width=200)
    return f"---\n{front}---\n\n# {source.title}\n\n{source.body}\n".encode()
