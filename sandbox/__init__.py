"""Three clouds and Numerai on loopback, for the real Pulumi engine and the real program.

Provider plugins are stood in for (`plugin`, `schema`), a gateway ends TLS for the real host names (`gateway`), deployed
archives run in processes of their own (`functions`), images are built and jobs run (`images`, `executor`). What each
cloud does lives in `sandbox.aws`, `sandbox.gcp` and `sandbox.azure`; Numerai in `sandbox.numerai`. Nothing of the
product imports this package. README.md beside this file says what a sandbox run does not prove.
"""
