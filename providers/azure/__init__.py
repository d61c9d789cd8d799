"""Prediction nodes on Azure: Azure Functions as triggers, Container Apps jobs, images from Container Registry."""
