ANALYTICS_READ = "analytics_read"
