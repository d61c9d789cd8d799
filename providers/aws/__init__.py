"""Prediction nodes on AWS: Lambda function URLs that start AWS Batch jobs on Fargate."""
