"""A competition's platform: upload a submission, watch it, fetch its logs, compare its scores.

The calls are those of Codabench's API. Source: codalab/codabench, develop at c7dbc756 (version
1.25), the views and serializers below `src/apps/api/`.
"""
