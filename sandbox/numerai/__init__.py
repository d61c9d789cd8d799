"""A stand-in for Numerai, good enough for the unmodified numerapi client.

`app.Numerai` answers GraphQL at api-tournament.numer.ai (`api`, `queries`, `mutations`, schema.graphql), serves data
sets in Numerai's formats (`datasets`, `generate`), takes uploads (`submissions`, `validation`), knows accounts, keys
and rounds (`accounts`, `rounds`), and calls the webhooks of models when a round opens (`webhooks`).
"""
