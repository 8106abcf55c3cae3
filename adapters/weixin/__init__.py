"""What WeCom and WeChat's official accounts share: sealed callbacks, and calls with an access token. No channel."""
