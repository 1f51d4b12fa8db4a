"""The demo model's scores: follow-up questions, the published figures and the folder that is shipped."""
