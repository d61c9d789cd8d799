"""Simulates three clouds and Numerai on loopback, so that the real Pulumi engine can run the real program.

`plugin` and `schema` replace the provider plugins, `gateway` terminates TLS for the real host names, `functions` runs
each deployed archive in its own process, and `images` and `executor` build images and run jobs. Each cloud's behaviour
is in `sandbox.aws`, `sandbox.gcp` and `sandbox.azure`; Numerai's is in `sandbox.numerai`. No product code imports this
package. README.md in this folder lists what a run in the sandbox does not prove.
"""
