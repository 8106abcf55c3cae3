"""One file for each family of transcripts. All are pure; which there are is in recognition.py."""
