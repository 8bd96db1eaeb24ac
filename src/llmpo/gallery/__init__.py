"""The policy gallery: the best programs, their size, and what kind of controller."""

from llmpo.gallery.classify import Analysis, analyse
from llmpo.gallery.write import write_gallery

__all__ = ["Analysis", "analyse", "write_gallery"]
