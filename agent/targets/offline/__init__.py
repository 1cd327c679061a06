"""What is not running here: folders, images, collections."""
