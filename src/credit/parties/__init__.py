"""Who is scored and who signs: enterprises, projects, managers, committees, divisions."""
