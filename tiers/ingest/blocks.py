"""Which elements of a page stand on lines of their own, and which hold no text."""

NOT_TEXT = frozenset({
    "script", "style", "noscript", "template", "nav", "header", "footer", "aside", "form", "button", "select",
    "svg", "iframe", "head"
})  # fmt: skip
BLOCKS = frozenset({
    "p", "div", "li", "ul", "ol", "tr", "table", "section", "article", "main", "blockquote", "pre", "br",
    "hr", "h1", "h2", "h3", "h4", "h5", "h6", "dt", "dd", "dl", "figure", "figcaption", "td", "th", "center"
})  # fmt: skip
