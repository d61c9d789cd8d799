"""What the workflows in .github/ do: whom they log in as, the comment on a pull request, the issue of a drift."""
