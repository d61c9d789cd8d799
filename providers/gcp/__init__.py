"""Prediction nodes on Google Cloud: a Cloud Run function starts a Cloud Run job."""
