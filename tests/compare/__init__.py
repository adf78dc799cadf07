"""Our reader, Tesseract and RapidOCR on the same generated scenes: `make compare`."""
