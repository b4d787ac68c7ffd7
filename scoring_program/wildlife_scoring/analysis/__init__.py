"""What a report shows beyond the platform's page: intervals, every image, tables, comparisons.

It lives in the scoring program because it needs the metrics, and gives plain data: the kit imports
no metric and makes the page of it. Charts that stand still are drawn here, as for the platform.
"""
