"""Near-identical headlines, found without comparing each article with each other. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from math import ceil

from briefing.model import Article

# Headlines that share this much of their words are taken for one story: high enough that two events
# of a kind ("boat sinks off A", "boat sinks off B") stay apart.
_SAME_WORDS = 0.8
_WORD = re.compile(r"\w+")

Words = frozenset[str]


def group_copies(fresh: Sequence[Article], kept: Sequence[Article]) -> list[list[Article]]:
    """The articles by story; the first of each group is the one that stays.

    `kept` articles are a group each. The fullest of `fresh` comes first and so stays; each further
    one joins the first group whose first article it is a copy of.
    """
    ordered = sorted(fresh, key=lambda a: (-sum(map(len, a.body)), a.news_at, a.uid))
    words = {id(article): _words(article.headline) for article in (*kept, *ordered)}
    index = _Index(words.values())
    groups: list[list[Article]] = []
    for article in kept:
        index.add(article, words[id(article)], len(groups))
        groups.append([article])
    for article in ordered:
        own = words[id(article)]
        for at in index.near(article, own):
            first = groups[at][0]
            if _is_copy(article, own, first, words[id(first)]):
                groups[at].append(article)
                break
        else:
            index.add(article, own, len(groups))
            groups.append([article])
    return groups


class _Index:
    """Where to look for a copy. Two sets of words that share four fifths of them share one of the
    rarest fifth of each (prefix filtering, Chaudhuri, Ganti, Kaushik: ICDE 2006)."""

    def __init__(self, everything: Iterable[Words]) -> None:
        self._frequency = Counter(word for words in everything for word in words)
        self._by_word: dict[str, list[int]] = {}
        self._by_url: dict[str, int] = {}
        self._by_headline: dict[tuple[str, bool], list[int]] = {}
        self._by_words: dict[tuple[Words, str], int] = {}

    def add(self, article: Article, words: Words, at: int) -> None:
        """Remember the group of this number by its first article."""
        if article.url:
            self._by_url.setdefault(article.url, at)
        self._by_headline.setdefault((article.headline, not words), []).append(at)
        if (words, article.language) not in self._by_words:
            self._by_words[words, article.language] = at
            for word in self._rarest(words):
                self._by_word.setdefault(word, []).append(at)

    def near(self, article: Article, words: Words) -> list[int]:
        """The groups that may be the article's, the first one first."""
        found = set(self._by_headline.get((article.headline, not words), ())[:1])
        if article.url in self._by_url:
            found.add(self._by_url[article.url])
        if (words, article.language) in self._by_words:
            found.add(self._by_words[words, article.language])
        for word in self._rarest(words):
            found.update(self._by_word.get(word, ()))
        return sorted(found)

    def _rarest(self, words: Words) -> list[str]:
        enough = len(words) - ceil(_SAME_WORDS * len(words) - 1e-9) + 1
        return sorted(words, key=lambda word: (self._frequency[word], word))[:enough]


def _is_copy(article: Article, words: Words, other: Article, others: Words) -> bool:
    if article.url and article.url == other.url:
        return True
    if not words or not others or (article.language != other.language):
        return words == others and article.headline == other.headline
    return len(words & others) / len(words | others) >= _SAME_WORDS


def _words(headline: str) -> Words:
    return frozenset(_WORD.findall(unicodedata.normalize("NFKC", headline).casefold()))
