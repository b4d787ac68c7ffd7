"""Looking at crops: clusters in PCA space, a plane for the eye, and the page that shows both."""
