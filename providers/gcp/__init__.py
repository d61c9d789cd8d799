"""Prediction nodes on Google Cloud: Cloud Run functions as triggers, Cloud Run jobs, images from Cloud Build."""
