from __future__ import annotations

import gzip
import time
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from briefing.errors import ArticleRefused, SourceFailed
from briefing.model import Article, Image
from briefing.sources import Refusal
from briefing.sources.feed import FeedSource, read_feed
from briefing.sources.fetching import Bounds
from briefing.sources.manuscript import Intake

from .conftest import WebServer
