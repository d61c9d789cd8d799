"""A simulation of Numerai that works with the unmodified numerapi client.

`app.Numerai` answers GraphQL at api-tournament.numer.ai (`api`, `queries`, `mutations`, schema.graphql), serves data
sets in Numerai's formats (`datasets`, `generate`), accepts uploads (`submissions`, `validation`), manages accounts,
keys and rounds (`accounts`, `rounds`), and calls the models' webhooks when a round opens (`webhooks`).
"""
