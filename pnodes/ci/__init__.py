"""The code behind the workflows in .github/: their log-ins, the comment on a pull request and the issue about drift."""
