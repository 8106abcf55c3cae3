"""What is served over HTTP: the form and its answer, the REST API, health. Routes are in site.py."""
